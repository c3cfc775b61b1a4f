import { ManualClock } from '../../../src/lib/clock.ts';
import { openRedisRateLimiter } from '../../../src/stores/redis/open-redis-rate-limiter.ts';
import { startRedisCluster } from '../../support/redis-cluster.ts';
import { startRedisSentinels } from '../../support/redis-sentinel.ts';
import { describeAlgorithms } from './algorithms-suite.ts';
import { START_MS, type RateLimiterFixture } from './fixture.ts';
import { describeRateLimiter } from './suite.ts';
import { describeViolations } from './violations-suite.ts';

/** Answers are tested here, not their speed. */
const DEADLINE_MS = 10_000;

async function clusterFixture(): Promise<RateLimiterFixture> {
  const cluster = await startRedisCluster();
  const hosts = cluster.urls.map((url) => new URL(url).host).join();
  return fixtureOn(`redis+cluster://${hosts}`, cluster);
}

async function sentinelFixture(): Promise<RateLimiterFixture> {
  const sentinels = await startRedisSentinels();
  const hosts = sentinels.sentinelUrls.map((url) => new URL(url).host).join();
  return fixtureOn(`redis+sentinel://${hosts}/${sentinels.name}`, sentinels);
}

async function fixtureOn(url: string, servers: AsyncDisposable): Promise<RateLimiterFixture> {
  const clock = new ManualClock(START_MS);
  const nowMs = (): number => clock.nowMs();
  const limiter = await openRedisRateLimiter({ url, deadlineMs: DEADLINE_MS, nowMs });
  return {
    limiter,
    clock,
    [Symbol.asyncDispose]: async () => {
      await limiter.close();
      await servers[Symbol.asyncDispose]();
    },
  };
}

for (const [name, fixture] of [
  ['redis cluster', clusterFixture],
  ['redis behind sentinels', sentinelFixture],
] as const) {
  describeRateLimiter(name, fixture);
  describeAlgorithms(name, fixture);
  describeViolations(name, fixture);
}
