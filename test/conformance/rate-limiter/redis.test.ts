import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RateLimiter, TakeRequest } from '../../../src/decision/ports.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { MemoryRateLimiter } from '../../../src/stores/memory/memory-rate-limiter.ts';
import { openRedisRateLimiter } from '../../../src/stores/redis/open-redis-rate-limiter.ts';
import type { RedisServer } from '../../support/redis-server.ts';
import { startRedisServer } from '../../support/redis-server.ts';
import { describeAlgorithms } from './algorithms-suite.ts';
import type { RateLimiterFixture } from './fixture.ts';
import { counterOf, MINUTE_MS, peekAt, requestOf, START_MS, tally, windowOf } from './fixture.ts';
import { describeRateLimiter } from './suite.ts';
import { describeViolations } from './violations-suite.ts';

/**
 * These tests are about answers, not about their speed: a busy machine must not turn one into
 * `unavailable`.
 */
const DEADLINE_MS = 10_000;
const DAY_MS = 86_400_000;
const FOUR_WINDOWS = [1000, MINUTE_MS, 3_600_000, DAY_MS].map((lengthMs) => windowOf(9, lengthMs));

async function redisFixture(): Promise<RateLimiterFixture> {
  const server = await startRedisServer();
  const clock = new ManualClock(START_MS);
  const nowMs = (): number => clock.nowMs();
  const limiter = await openRedisRateLimiter({ url: server.url, deadlineMs: DEADLINE_MS, nowMs });
  return {
    limiter,
    clock,
    [Symbol.asyncDispose]: async () => {
      await limiter.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

describeRateLimiter('redis', redisFixture);
describeAlgorithms('redis', redisFixture);
describeViolations('redis', redisFixture);

describe('redis beyond the contract', () => {
  let server: RedisServer;
  let client: Redis;
  let limiter: RateLimiter;
  const clock = new ManualClock(START_MS);
  const open = (change = {}): Promise<RateLimiter> =>
    openRedisRateLimiter({ url: server.url, deadlineMs: DEADLINE_MS, ...change });

  /** All counts, but not the epoch, whose end would be a loss. */
  const empty = async (): Promise<void> => {
    const keys = (await client.keys('*')).filter((key) => !key.endsWith('|e'));
    if (keys.length > 0) await client.del(...keys);
  };

  beforeAll(async () => {
    server = await startRedisServer();
    client = new Redis(server.url);
    limiter = await open();
  });
  afterAll(async () => {
    await limiter.close();
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it('X2 P18 two processes on one Redis share their counters: exactly 10 of 100', async () => {
    const other = await open();
    const tenant = randomUUID();
    const calls = Array.from({ length: 100 }, (_, index) =>
      (index % 2 === 0 ? limiter : other).take(requestOf(tenant, [counterOf()])),
    );
    expect(tally(await Promise.all(calls))).toEqual({ taken: 10, denied: 90 });
    await other.close();
  });

  it('X3 a request repeated at another process is answered the same', async () => {
    const other = await open();
    const request = requestOf(randomUUID(), [counterOf()]);
    const first = await limiter.take(request);
    expect(await other.take(request)).toEqual({ ...first, replayed: true });
    expect(await other.refund(request)).toBe('refunded');
    expect((await peekAt(limiter, request.tenant, [counterOf()]))[0]?.remaining).toBe(9);
    expect(await limiter.refund(request)).toBe('refunded');
    expect((await peekAt(limiter, request.tenant, [counterOf()]))[0]?.remaining).toBe(10);
    expect(await limiter.refund(request)).toBe('nothing');
    await other.close();
  });

  it('R20 every key has a time to live, and that of a counter is longer than its longest window', async () => {
    await empty();
    const tenant = randomUUID();
    const counters = [
      counterOf({ windows: FOUR_WINDOWS }),
      counterOf({ scope: 'team:a', windows: [windowOf(5, 10)] }),
      counterOf({ scope: 'global', crossTenant: true }),
    ];
    const request = requestOf(tenant, counters);
    await limiter.take(request);
    await limiter.take(requestOf(tenant, counters));
    await limiter.refund(request);
    const longestMs: Record<string, number> = {
      'user:alice': DAY_MS,
      'team:a': 10,
      global: MINUTE_MS,
    };
    const keys = await client.keys('*');
    expect(keys).toContain('tollgate:{*}|e');
    expect(await client.pttl('tollgate:{*}|e')).toBeGreaterThan(DAY_MS * 46);
    expect(keys).toHaveLength(5);
    for (const key of keys) {
      if (key.endsWith('|e')) continue;
      const verdict = key.includes('|v|');
      const leastMs = verdict
        ? 590_000
        : (longestMs[key.split('|').at(-1) ?? ''] ?? Infinity) * 1.02;
      expect(await client.pttl(key), key).toBeGreaterThan(leastMs);
    }
  });

  it('R20 the time to live stays longer than the longest window while a counter is in use', async () => {
    await empty();
    const timed = await open({ nowMs: () => clock.nowMs() });
    const tenant = randomUUID();
    const counter = counterOf({
      limit: 10_000,
      windows: [windowOf(9_999, 1000), windowOf(9_999, DAY_MS)],
    });
    for (let step = 0; step < 200; step += 1) {
      await timed.take(requestOf(tenant, [counter]));
      const [key = ''] = await client.keys('*|w|*');
      expect(await client.pttl(key)).toBeGreaterThan(DAY_MS * 1.02);
      // Pretends that as much real time went by as the clock moved.
      const stepMs = 400_000;
      await client.pexpire(key, (await client.pttl(key)) - stepMs);
      clock.advance(stepMs);
    }
    await timed.close();
  });

  it('R20 a counter with four windows is one value of at most 1 KB, busy or not', async () => {
    await empty();
    const tenant = randomUUID();
    const counters = [counterOf({ windows: FOUR_WINDOWS })];
    for (let call = 0; call < 12; call += 1) await limiter.take(requestOf(tenant, counters));
    const keys = await client.keys('*|w|*');
    expect(keys).toEqual([`tollgate:{${tenant}}|w|requests|calls|user:alice`]);
    expect(await client.strlen(keys[0] ?? '')).toBe(869);
    expect(await client.memory('USAGE', keys[0] ?? '')).toBeLessThanOrEqual(1024 + 100);
  });

  it('R20 a denial and a peek write no counter', async () => {
    await empty();
    await limiter.take(requestOf('t', [counterOf(), counterOf({ scope: 'b', limit: 0 })]));
    await peekAt(limiter, 't', [counterOf()]);
    expect(await client.keys('*|w|*')).toEqual([]);
  });

  it('R34 one script call decides for all who wait', async () => {
    await client.config('RESETSTAT');
    const tenant = randomUUID();
    await Promise.all(
      Array.from({ length: 60 }, () => limiter.take(requestOf(tenant, [counterOf()]))),
    );
    const stats = await client.info('commandstats');
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1])).toBe(1);
  });

  it('a batch of calls over different windows of one limit loses none', async () => {
    const tenant = randomUUID();
    const [a, b] = [
      counterOf({ windows: [windowOf(99, 1000), windowOf(99)] }),
      counterOf({ limit: 99 }),
    ];
    const calls = Array.from({ length: 40 }, (_, i) =>
      limiter.take(requestOf(tenant, [i % 2 ? a : b])),
    );
    expect(tally(await Promise.all(calls))).toEqual({ taken: 40 });
    const [minute] = await peekAt(limiter, tenant, [b]);
    expect(minute?.remaining).toBe(59);
  });

  it('a queue that is full answers overloaded, and counts nothing for it', async () => {
    const small = await open({ maxWaiting: 10, maxBatch: 4 });
    const tenant = randomUUID();
    const calls = Array.from({ length: 30 }, () =>
      small.take(requestOf(tenant, [counterOf({ limit: 99 })])),
    );
    expect(tally(await Promise.all(calls))).toEqual({ taken: 10, overloaded: 20 });
    const [reading] = await peekAt(small, tenant, [counterOf({ limit: 99 })]);
    expect(reading?.remaining).toBe(89);
    await small.close();
  });

  it('R34 connects through a Unix socket, keeps to its prefix and works without keepalive', async () => {
    await empty();
    const local = await open({
      url: `unix://${server.socketPath}`,
      keyPrefix: 'pdp-7',
      keepAlive: false,
    });
    expect((await local.take(requestOf('t', [counterOf()]))).kind).toBe('taken');
    await local.close();
    const keys = await client.keys('*');
    expect(keys.every((key) => key.startsWith('pdp-7:') || key.endsWith('|e'))).toBe(true);
    expect(keys).toHaveLength(4);
  });

  it('refuses a key prefix that could be mistaken for part of a key, and bounds that are none', async () => {
    await expect(open({ keyPrefix: 'a{b}' })).rejects.toThrow(RangeError);
    await expect(open({ maxBatch: 0 })).rejects.toThrow(RangeError);
    await expect(open({ deadlineMs: 0.5 })).rejects.toThrow(RangeError);
  });

  it('X2 on random programs Redis answers as the pure algorithm does, field for field', async () => {
    const redisClock = new ManualClock(START_MS);
    const real = await open({ nowMs: () => redisClock.nowMs() });
    const shapes = [
      [windowOf(4, 30), windowOf(6, 777)],
      [windowOf(5, 777), windowOf(9, 5_000), windowOf(11, 8_000)],
      [windowOf(7, 5_000)],
    ];
    const step = fc.record({
      doing: fc.constantFrom('take', 'take', 'take', 'repeat', 'refund', 'settle', 'peek'),
      moveMs: fc.oneof(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 3_000 }),
        // Longer than every window; sixty of them are shorter than the memory of verdicts.
        fc.constant(9_000),
      ),
      which: fc.nat({ max: 40 }),
      scopes: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
      shape: fc.oneof(
        { weight: 9, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.nat({ max: 2 }) },
      ),
      cost: fc.integer({ min: 0, max: 3 }),
      algorithm: fc.constantFrom('strict', 'strict', 'weighted', 'calendar', 'leases'),
      unit: fc.constantFrom('requests', 'tokens'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        redisClock.set(START_MS);
        const model = new MemoryRateLimiter({ clock: redisClock });
        const tenant = randomUUID();
        const requests: TakeRequest[] = [];
        for (const { doing, moveMs, which, scopes, shape, cost, algorithm, unit } of steps) {
          redisClock.advance(moveMs);
          const windows = (shapes[shape] ?? []).slice(0, algorithm === 'leases' ? 1 : 3);
          const counters = scopes.map((scope) =>
            counterOf({
              scope,
              windows,
              cost,
              algorithm,
              unit: algorithm === 'leases' ? 'concurrency' : unit,
            }),
          );
          const earlier = requests[which % Math.max(1, requests.length)];
          if (doing === 'peek') {
            expect(await real.peek(tenant, counters)).toEqual(await model.peek(tenant, counters));
          } else if (doing === 'refund' && earlier) {
            expect(await real.refund(earlier)).toEqual(await model.refund(earlier));
          } else if (doing === 'settle' && earlier) {
            const { callId } = earlier;
            const call = { tenant, callId, tokens: which };
            expect(await real.settle(call)).toEqual(await model.settle(call));
          } else {
            const request = doing === 'repeat' && earlier ? earlier : requestOf(tenant, counters);
            requests.push(request);
            expect(await real.take(request)).toEqual(await model.take(request));
          }
        }
      }),
      { numRuns: 150 },
    );
    await real.close();
  });
});
