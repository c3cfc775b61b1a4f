import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { TakeOutcome } from '../../../src/decision/ports.ts';
import type { Algorithm, CounterSpec } from '../../../src/limits/counter.ts';
import type { RateLimiterFixture } from './fixture.ts';
import {
  counterOf,
  MINUTE_MS,
  peekAt,
  requestOf,
  START_MS,
  tally,
  windowOf,
  windowsOf,
} from './fixture.ts';

/** A whole minute, where aligned windows begin. */
const MINUTE_START_MS = START_MS - (START_MS % MINUTE_MS);
const ALGORITHMS = ['strict', 'weighted', 'calendar', 'token_bucket'] as const;

const tokens = (change: Parameters<typeof counterOf>[0] = {}): CounterSpec =>
  counterOf({ limitId: 'tokens', unit: 'tokens', limit: 1_000, cost: 100, ...change });
const inFlight = (limit: number, change: Partial<CounterSpec> = {}): CounterSpec =>
  counterOf({
    limitId: 'flight',
    unit: 'concurrency',
    algorithm: 'leases',
    windows: [windowOf(limit)],
    ...change,
  });

/** The contract of RateLimiter for each way to count. Every adapter runs it. */
export function describeAlgorithms(
  name: string,
  makeAdapter: () => Promise<RateLimiterFixture>,
): void {
  describe(`RateLimiter algorithms: ${name}`, () => {
    let fixture: RateLimiterFixture;
    let tenant: string;
    beforeAll(async () => {
      fixture = await makeAdapter();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());
    beforeEach(() => {
      tenant = `org-${randomUUID()}`;
      fixture.clock.set(MINUTE_START_MS);
    });

    const take = (counters: readonly CounterSpec[], requestId?: string): Promise<TakeOutcome> =>
      fixture.limiter.take(requestOf(tenant, counters, requestId));
    const takeMany = (times: number, counters: readonly CounterSpec[]): Promise<TakeOutcome[]> =>
      Promise.all(Array.from({ length: times }, () => take(counters)));
    const settle = (requestId: string, used: number) =>
      fixture.limiter.settle({ tenant, callId: `call-${requestId}`, tokens: used });
    const left = async (counter: CounterSpec): Promise<number[]> =>
      (await peekAt(fixture.limiter, tenant, [counter])).map((reading) => reading.remaining);

    describe('weighted', () => {
      const counter = counterOf({ algorithm: 'weighted' });

      it('R20 counts of the window before the share that still overlaps', async () => {
        await takeMany(10, [counter]);
        fixture.clock.set(MINUTE_START_MS + 90_000);
        expect(await left(counter)).toEqual([5]);
        expect(tally(await takeMany(8, [counter]))).toEqual({ taken: 5, denied: 3 });
        fixture.clock.set(MINUTE_START_MS + 2 * MINUTE_MS);
        expect(await left(counter)).toEqual([5]);
        fixture.clock.set(MINUTE_START_MS + 3 * MINUTE_MS);
        expect(await left(counter)).toEqual([10]);
      });
    });

    describe('calendar', () => {
      const counter = counterOf({ algorithm: 'calendar' });

      it('R20 begins empty at each whole minute in UTC', async () => {
        fixture.clock.set(MINUTE_START_MS + 59_999);
        expect(tally(await takeMany(12, [counter]))).toEqual({ taken: 10, denied: 2 });
        const [denied] = windowsOf(await take([counter]));
        expect(denied).toMatchObject({ retryAfterMs: 1, resetAfterMs: 1 });
        fixture.clock.advance(1);
        expect(tally(await takeMany(12, [counter]))).toEqual({ taken: 10, denied: 2 });
      });
    });

    describe('token bucket', () => {
      const windows = [{ lengthMs: MINUTE_MS, limit: 60, burst: 5 }];
      const counter = counterOf({ algorithm: 'token_bucket', windows });

      it('R24 admits a burst, then as many as flow in', async () => {
        expect(tally(await takeMany(7, [counter]))).toEqual({ taken: 5, denied: 2 });
        const [denied] = windowsOf(await take([counter]));
        expect(denied).toMatchObject({ remaining: 0, retryAfterMs: 1_000, limit: 60 });
        fixture.clock.advance(1_000);
        expect(tally(await takeMany(2, [counter]))).toEqual({ taken: 1, denied: 1 });
        fixture.clock.advance(60_000);
        expect(tally(await takeMany(7, [counter]))).toEqual({ taken: 5, denied: 2 });
      });

      it('a bucket into which nothing flows admits its burst once, and never again', async () => {
        const dry = counterOf({
          algorithm: 'token_bucket',
          windows: [{ lengthMs: MINUTE_MS, limit: 0, burst: 2 }],
        });
        expect(tally(await takeMany(3, [dry]))).toEqual({ taken: 2, denied: 1 });
        fixture.clock.advance(10 * MINUTE_MS);
        const outcome = await take([dry]);
        expect(outcome.kind).toBe('denied');
        expect(windowsOf(outcome)[0]?.retryAfterMs).toBe(Infinity);
      });
    });

    describe('calls in flight', () => {
      it('R26 admits as many at a time, and one more when one has ended', async () => {
        await take([inFlight(2)], 'a');
        await take([inFlight(2)], 'b');
        expect((await take([inFlight(2)])).kind).toBe('denied');
        expect(await settle('a', 0)).toBe('settled');
        expect(await settle('a', 0)).toBe('nothing');
        expect((await take([inFlight(2)])).kind).toBe('taken');
        expect(await left(inFlight(2))).toEqual([0]);
      });

      it('X5 a call that nobody ends counts until its time is over, to the millisecond', async () => {
        await take([inFlight(1)]);
        fixture.clock.advance(MINUTE_MS - 1);
        const [denied] = windowsOf(await take([inFlight(1)]));
        expect(denied).toMatchObject({ violated: true, retryAfterMs: 1, resetAfterMs: 1 });
        fixture.clock.advance(1);
        expect((await take([inFlight(1)])).kind).toBe('taken');
      });

      it('X3 a repeat shares the place, and both tries give it back to free it', async () => {
        const request = requestOf(tenant, [inFlight(2)]);
        await fixture.limiter.take(request);
        await fixture.limiter.take(request);
        expect(await left(inFlight(2))).toEqual([1]);
        expect(await fixture.limiter.refund(request)).toBe('refunded');
        expect(await left(inFlight(2))).toEqual([1]);
        expect(await fixture.limiter.refund(request)).toBe('refunded');
        expect(await left(inFlight(2))).toEqual([2]);
        expect(await fixture.limiter.refund(request)).toBe('nothing');
        expect(await settle(request.requestId, 0)).toBe('nothing');
      });

      it('X1 with other counters it takes a place only when they have room, too', async () => {
        await take([counterOf({ limit: 1 })]);
        expect((await take([inFlight(5), counterOf({ limit: 1 })])).kind).toBe('denied');
        expect(await left(inFlight(5))).toEqual([5]);
      });

      it('a limit of 0 never admits, and 100 concurrent calls get exactly 7 places', async () => {
        const [never] = windowsOf(await take([inFlight(0)]));
        expect(never?.retryAfterMs).toBe(Infinity);
        const one = inFlight(7, { limitId: 'seven' });
        expect(tally(await takeMany(100, [one]))).toEqual({ taken: 7, denied: 93 });
      });
    });

    describe('tokens', () => {
      it('takes the estimate, and what was used in its place when the call ends', async () => {
        await take([tokens()], 'a');
        expect(await left(tokens())).toEqual([900]);
        expect(await settle('a', 250)).toBe('settled');
        expect(await left(tokens())).toEqual([750]);
        expect(await settle('a', 250)).toBe('nothing');
        await take([tokens()], 'b');
        expect(await settle('b', 0)).toBe('settled');
        expect(await left(tokens())).toEqual([750]);
      });

      it('X6 more than the limit is counted in full, and waited for', async () => {
        await take([tokens()], 'a');
        await settle('a', 5_000);
        expect(await left(tokens())).toEqual([0]);
        expect((await take([tokens({ cost: 1 })])).kind).toBe('denied');
      });

      it.each([
        ['strict', 61_200],
        ['calendar', 60_000],
        ['weighted', 120_000],
      ] as const)('corrects %s windows where the call took', async (algorithm, leavesAfterMs) => {
        const counter = tokens({ algorithm, cost: 10 });
        await take([counter], 'a');
        fixture.clock.advance(30_000);
        await settle('a', 400);
        expect(await left(counter)).toEqual([600]);
        fixture.clock.set(MINUTE_START_MS + leavesAfterMs - 1);
        expect((await left(counter))[0]).toBeLessThan(1_000);
        fixture.clock.advance(1);
        expect(await left(counter)).toEqual([1_000]);
      });

      it('a correction that comes after its window changes nothing', async () => {
        await take([tokens()], 'a');
        fixture.clock.advance(2 * MINUTE_MS);
        await settle('a', 900);
        expect(await left(tokens())).toEqual([1_000]);
      });

      it('a call is settled in all its counters, and only in those that are settled later', async () => {
        const calls = counterOf({ limit: 5 });
        await take([calls, tokens(), inFlight(3)], 'a');
        expect(await settle('a', 10)).toBe('settled');
        expect(await left(calls)).toEqual([4]);
        expect(await left(tokens())).toEqual([990]);
        expect(await left(inFlight(3))).toEqual([3]);
      });

      it('what is charged to all tenants is corrected there', async () => {
        const shared = tokens({ crossTenant: true, scope: `global-${tenant}` });
        await take([shared], 'a');
        await settle('a', 300);
        const [reading] = await peekAt(fixture.limiter, 'another', [shared]);
        expect(reading?.remaining).toBe(700);
      });
    });

    it.each(ALGORITHMS)(
      'R29 %s: a retry after the wait succeeds, and one millisecond before it does not',
      async (algorithm) => {
        const step = fc.record({
          moveMs: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 9_000 })),
          cost: fc.integer({ min: 1, max: 4 }),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
            tenant = `org-${randomUUID()}`;
            fixture.clock.set(START_MS);
            for (const { moveMs, cost } of steps) {
              fixture.clock.advance(moveMs);
              const counter = threeWindows(algorithm, cost);
              const outcome = await take([counter]);
              if (outcome.kind !== 'denied') continue;
              const waitMs = Math.max(...outcome.windows.map((one) => one.retryAfterMs));
              const atMs = fixture.clock.nowMs();
              fixture.clock.set(atMs + waitMs - 1);
              const before = await peekAt(fixture.limiter, tenant, [counter]);
              expect(before.some(({ violated }) => violated)).toBe(true);
              fixture.clock.set(atMs + waitMs);
              const after = await peekAt(fixture.limiter, tenant, [counter]);
              expect(after.some(({ violated }) => violated)).toBe(false);
            }
          }),
          { numRuns: 15 },
        );
      },
    );

    it.each(ALGORITHMS)('X1 %s: what is refunded is as if it had not been', async (algorithm) => {
      const counter = threeWindows(algorithm, 2);
      await take([counter]);
      const before = await left(counter);
      const request = requestOf(tenant, [counter]);
      await fixture.limiter.take(request);
      expect(await fixture.limiter.refund(request)).toBe('refunded');
      expect(await left(counter)).toEqual(before);
      expect(await fixture.limiter.refund(request)).toBe('nothing');
    });
  });
}

function threeWindows(algorithm: Exclude<Algorithm, 'leases'>, cost: number): CounterSpec {
  const windows = [windowOf(6, 1_000), windowOf(11, 7_000), windowOf(30, MINUTE_MS)];
  return counterOf({ algorithm, cost, windows });
}
