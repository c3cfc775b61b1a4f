import type { RateLimiter } from '../../src/decision/ports.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';
import type { RedisRateLimiterOptions } from '../../src/stores/redis/redis-rate-limiter.ts';

/** The RateLimiter on Redis; use it with `await using`. */
export async function openLimiter(
  url: string,
  options: Partial<RedisRateLimiterOptions> = {},
): Promise<RateLimiter & AsyncDisposable> {
  const limiter = await openRedisRateLimiter({ url, ...options });
  return Object.assign(limiter, { [Symbol.asyncDispose]: () => limiter.close() });
}
