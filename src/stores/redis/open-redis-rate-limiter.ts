import type { RateLimiter } from '../../decision/ports.ts';
import { parseRedisAddress } from '../../lib/redis-address.ts';
import { ClusterRateLimiter } from './cluster-rate-limiter.ts';
import { RedisRateLimiter, type RedisRateLimiterOptions } from './redis-rate-limiter.ts';

/**
 * Opens the RateLimiter on Redis 6 or later. Does not fail when Redis is away: it answers
 * `unavailable` until Redis is there, and finds it by itself.
 *
 * Redis's clock counts, and one script decides, so all processes that share a Redis share exact
 * windows. After `unavailable` a take may have been done or not, because its answer may be what was
 * lost: a repeat under the same request id tells, and takes nothing twice.
 * @throws RangeError for an address or a key prefix that is none, or a bound that is not a whole
 *   number ≥ 1.
 */
export async function openRedisRateLimiter(options: RedisRateLimiterOptions): Promise<RateLimiter> {
  if (parseRedisAddress(options.url)?.kind !== 'cluster') {
    const limiter = new RedisRateLimiter(options);
    await limiter.start();
    return limiter;
  }
  const own = new RedisRateLimiter(options);
  const shared = new RedisRateLimiter(options, 'shared');
  await Promise.all([own.start(), shared.start()]);
  return new ClusterRateLimiter(own, shared);
}
