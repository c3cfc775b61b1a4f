import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { TakeOutcome } from '../../../src/decision/ports.ts';
import type { CounterSpec } from '../../../src/limits/counter.ts';
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

const SUB_BUCKET_MS = MINUTE_MS / 50;

/**
 * The contract of RateLimiter. Every adapter runs it; the tests share one adapter, each with
 * tenants of its own.
 */
export function describeRateLimiter(
  name: string,
  makeAdapter: () => Promise<RateLimiterFixture>,
): void {
  describe(`RateLimiter contract: ${name}`, () => {
    let fixture: RateLimiterFixture;
    let tenant: string;
    beforeAll(async () => {
      fixture = await makeAdapter();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());
    beforeEach(() => {
      tenant = `org-${randomUUID()}`;
      fixture.clock.set(START_MS);
    });

    const take = (counters: readonly CounterSpec[], requestId?: string): Promise<TakeOutcome> =>
      fixture.limiter.take(requestOf(tenant, counters, requestId));
    const takeMany = (times: number, counters: readonly CounterSpec[]): Promise<TakeOutcome[]> =>
      Promise.all(Array.from({ length: times }, () => take(counters)));
    const remaining = async (counter: CounterSpec): Promise<number[]> =>
      (await peekAt(fixture.limiter, tenant, [counter])).map((reading) => reading.remaining);

    describe('counting', () => {
      it('P8 X2 admits exactly 10 of 100 concurrent calls on 10 a minute', async () => {
        expect(tally(await takeMany(100, [counterOf()]))).toEqual({ taken: 10, denied: 90 });
      });

      it('P9 counts each of several calls in the same millisecond', async () => {
        await takeMany(7, [counterOf()]);
        expect(await remaining(counterOf())).toEqual([3]);
      });

      it('R31 a reading after a take counts it, labels it and says when something comes back', async () => {
        const outcome = await take([counterOf({ cost: 4 })]);
        expect(outcome).toEqual({
          kind: 'taken',
          replayed: false,
          windows: [
            {
              limitId: 'calls',
              scope: 'user:alice',
              unit: 'requests',
              lengthMs: MINUTE_MS,
              limit: 10,
              remaining: 6,
              resetAfterMs: MINUTE_MS + SUB_BUCKET_MS - 7,
              violated: false,
              retryAfterMs: 0,
            },
          ],
        });
      });

      it('R20 units leave the window one sub-bucket after its length, and not a millisecond before', async () => {
        await takeMany(10, [counterOf()]);
        fixture.clock.set(START_MS - 7 + MINUTE_MS + SUB_BUCKET_MS - 1);
        expect(tally(await takeMany(1, [counterOf()]))).toEqual({ denied: 1 });
        fixture.clock.advance(1);
        expect(tally(await takeMany(11, [counterOf()]))).toEqual({ taken: 10, denied: 1 });
      });

      it('R24 keeps several windows of one limit, and the tightest decides', async () => {
        const burst = counterOf({ windows: [windowOf(3, 1000), windowOf(5)] });
        expect(tally(await takeMany(9, [burst]))).toEqual({ taken: 3, denied: 6 });
        fixture.clock.advance(1021);
        const [second, minute] = windowsOf((await takeMany(3, [burst]))[2] ?? { kind: 'conflict' });
        expect(second).toMatchObject({ lengthMs: 1000, violated: false, remaining: 1 });
        expect(minute).toMatchObject({ lengthMs: MINUTE_MS, violated: true, remaining: 0 });
        expect(minute?.retryAfterMs).toBe(MINUTE_MS + SUB_BUCKET_MS - 7 - 1021);
      });

      it('R23 keeps eight windows of any length, also ones that 50 does not divide', async () => {
        const lengths = [7, 333, 1000, 9_999, MINUTE_MS, 3_600_000, 86_400_000, 2_678_400_000];
        const counter = counterOf({ windows: lengths.map((lengthMs) => windowOf(2, lengthMs)) });
        expect(tally(await takeMany(3, [counter]))).toEqual({ taken: 2, denied: 1 });
        fixture.clock.advance(1021);
        expect(await remaining(counter)).toEqual([2, 2, 2, 0, 0, 0, 0, 0]);
      });

      it('R4 takes costs above 1, and denies a cost that does not fit while a smaller one still does', async () => {
        expect((await take([counterOf({ cost: 8 })])).kind).toBe('taken');
        expect((await take([counterOf({ cost: 3 })])).kind).toBe('denied');
        expect((await take([counterOf({ cost: 2 })])).kind).toBe('taken');
        expect((await take([counterOf({ cost: 0 })])).kind).toBe('taken');
      });

      it('P15 limit 0 denies, and says that no wait helps', async () => {
        const [reading] = windowsOf(await take([counterOf({ limit: 0 })]));
        expect(reading).toMatchObject({ violated: true, remaining: 0, retryAfterMs: Infinity });
      });

      it('R29 a cost above the limit never fits, and one equal to it does', async () => {
        const [reading] = windowsOf(await take([counterOf({ cost: 11 })]));
        expect(reading).toMatchObject({ violated: true, retryAfterMs: Infinity, remaining: 10 });
        expect((await take([counterOf({ cost: 10 })])).kind).toBe('taken');
      });

      it('counts up to 2^32 - 1 exactly', async () => {
        const limit = 2 ** 32 - 1;
        expect((await take([counterOf({ limit, cost: limit - 1 })])).kind).toBe('taken');
        expect((await take([counterOf({ limit, cost: 2 })])).kind).toBe('denied');
        expect(await remaining(counterOf({ limit }))).toEqual([1]);
      });

      it('P15 rejects counters that break the contract', async () => {
        await expect(take([counterOf({ cost: 0.5 })])).rejects.toThrow(RangeError);
        await expect(take([counterOf({ cost: NaN })])).rejects.toThrow(RangeError);
        await expect(take([counterOf(), counterOf()])).rejects.toThrow('twice');
      });

      it('a call without counters is taken', async () => {
        expect(await take([])).toEqual({ kind: 'taken', replayed: false, windows: [] });
        expect(await peekAt(fixture.limiter, tenant, [])).toEqual([]);
      });
    });

    describe('several scopes', () => {
      const wide = counterOf({ limitId: 'org', scope: 'organization', limit: 1000 });
      const tight = counterOf({ limitId: 'user', limit: 2 });

      it('X1 R21 a denial by one scope takes nothing from the others, wherever it stands', async () => {
        await takeMany(2, [tight]);
        for (const counters of [
          [wide, tight],
          [tight, wide],
        ]) {
          expect((await take(counters)).kind).toBe('denied');
        }
        expect(await remaining(wide)).toEqual([1000]);
        expect(await remaining(tight)).toEqual([0]);
      });

      it('X1 under concurrency the wide scope counts exactly what the tight one admitted', async () => {
        const outcomes = await takeMany(100, [wide, tight]);
        expect(tally(outcomes)).toEqual({ taken: 2, denied: 98 });
        expect(await remaining(wide)).toEqual([998]);
      });

      it('X7 a denial reads every window in the order asked, and marks those without room', async () => {
        await takeMany(2, [tight]);
        const readings = windowsOf(await take([wide, tight]));
        expect(readings.map(({ limitId, violated }) => [limitId, violated])).toEqual([
          ['org', false],
          ['user', true],
        ]);
        expect(readings[0]?.retryAfterMs).toBe(0);
      });

      it('R76 tenants do not share counters, and request ids of one mean nothing to another', async () => {
        await takeMany(2, [tight]);
        const other = await fixture.limiter.take(requestOf(`${tenant}-2`, [tight], 'same-id'));
        expect(other).toMatchObject({ kind: 'taken', replayed: false });
        expect(await take([tight], 'same-id')).toMatchObject({ kind: 'denied', replayed: false });
      });

      it('R21 cross-tenant counters are shared by all tenants, and apart from a tenant’s own', async () => {
        const shared = counterOf({ limitId: tenant, scope: 'global', crossTenant: true, limit: 2 });
        await take([shared]);
        await fixture.limiter.take(requestOf(`${tenant}-2`, [shared]));
        expect((await take([shared])).kind).toBe('denied');
        expect((await take([{ ...shared, crossTenant: false }])).kind).toBe('taken');
      });

      it('scopes, limits and units whose texts run into each other stay apart', async () => {
        const apart = [
          counterOf({ limitId: 'a', scope: 'b|c', limit: 1 }),
          counterOf({ limitId: 'a|b', scope: 'c', limit: 1 }),
          counterOf({ limitId: 'a', scope: 'b%7cc', limit: 1 }),
          counterOf({ limitId: 'a', scope: 'b', algorithm: 'calendar', limit: 1 }),
          counterOf({ limitId: 'a:b', scope: 'c/d', limit: 1 }),
          counterOf({ limitId: 'a', scope: 'b:c/d', limit: 1 }),
          counterOf({ limitId: 'a', scope: 'é{*}€', limit: 1 }),
        ];
        for (const counter of apart) expect((await take([counter])).kind).toBe('taken');
        for (const counter of apart) expect((await take([counter])).kind).toBe('denied');
      });
    });

    describe('repeats', () => {
      it('X3 a repeated take answers the same and takes once', async () => {
        const first = await take([counterOf({ cost: 3 })], 'r1');
        await take([counterOf()]);
        fixture.clock.advance(5_000);
        const again = await take([counterOf({ cost: 3 })], 'r1');
        expect(again).toEqual({ ...first, replayed: true });
        expect(await remaining(counterOf())).toEqual([6]);
      });

      it('X3 a repeated denial stays one when there is room again', async () => {
        await takeMany(10, [counterOf()]);
        const first = await take([counterOf()], 'r1');
        expect(first).toMatchObject({ kind: 'denied', replayed: false });
        fixture.clock.advance(2 * MINUTE_MS);
        expect(await take([counterOf()], 'r1')).toEqual({ ...first, replayed: true });
      });

      it('X3 concurrent repeats of one request take once and answer alike', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, () => take([counterOf()], 'r1')),
        );
        expect(tally(outcomes)).toEqual({ taken: 20 });
        expect(
          outcomes.filter((outcome) => 'replayed' in outcome && !outcome.replayed),
        ).toHaveLength(1);
        expect(new Set(outcomes.map((outcome) => JSON.stringify(windowsOf(outcome)))).size).toBe(1);
        expect(await remaining(counterOf())).toEqual([9]);
      });

      it('X3 another body under the same request id is a conflict and takes nothing', async () => {
        await take([counterOf()], 'r1');
        const request = requestOf(tenant, [counterOf()], 'r1');
        const other = { ...request, fingerprint: 'body-2' };
        expect(await fixture.limiter.take(other)).toEqual({ kind: 'conflict' });
        expect(await fixture.limiter.refund(other)).toBe('nothing');
        expect(await remaining(counterOf())).toEqual([9]);
      });

      it('X3 a repeat under changed limits keeps its outcome and takes nothing', async () => {
        await take([counterOf()], 'r1');
        const changed = counterOf({ limitId: 'new' });
        expect(await take([changed], 'r1')).toMatchObject({ kind: 'taken', replayed: true });
        expect(await remaining(changed)).toEqual([10]);
      });

      it('X3 remembers a verdict for ten minutes', async () => {
        await take([counterOf()], 'r1');
        fixture.clock.advance(10 * MINUTE_MS - 1);
        await take([counterOf()]);
        expect(await take([counterOf()], 'r1')).toMatchObject({ replayed: true });
      });
    });

    describe('refunds', () => {
      it('X1 gives back once, to every window of every scope', async () => {
        const counters = [
          counterOf({ windows: [windowOf(5, 1000), windowOf(10)], cost: 3 }),
          counterOf({ scope: 'team:a' }),
        ];
        await take(counters, 'r1');
        const request = requestOf(tenant, counters, 'r1');
        expect(await fixture.limiter.refund(request)).toBe('refunded');
        expect(await fixture.limiter.refund(request)).toBe('nothing');
        const readings = await peekAt(fixture.limiter, tenant, counters);
        expect(readings.map((reading) => reading.remaining)).toEqual([5, 10, 10]);
        expect(readings.map((reading) => reading.resetAfterMs)).toEqual([0, 0, 0]);
      });

      it('X3 concurrent refunds of one request give back once', async () => {
        await takeMany(5, [counterOf()]);
        await take([counterOf()], 'r1');
        const request = requestOf(tenant, [counterOf()], 'r1');
        const refunds = Array.from({ length: 10 }, () => fixture.limiter.refund(request));
        expect((await Promise.all(refunds)).filter((refund) => refund === 'refunded')).toHaveLength(
          1,
        );
        expect(await remaining(counterOf())).toEqual([5]);
      });

      it('R20 gives back to the sub-bucket that was taken from, not to the running one', async () => {
        await take([counterOf({ cost: 6 })], 'early');
        fixture.clock.advance(MINUTE_MS / 2);
        await take([counterOf({ cost: 4 })], 'late');
        await fixture.limiter.refund(requestOf(tenant, [counterOf({ cost: 6 })], 'early'));
        const [reading] = await peekAt(fixture.limiter, tenant, [counterOf()]);
        // The four of the late take are left, and they leave with its sub-bucket.
        expect(reading).toMatchObject({
          remaining: 6,
          resetAfterMs: MINUTE_MS + SUB_BUCKET_MS - 7,
        });
      });

      it('R20 gives nothing back that has left the window already', async () => {
        await take([counterOf({ cost: 6 })], 'r1');
        fixture.clock.advance(MINUTE_MS + SUB_BUCKET_MS);
        await take([counterOf({ cost: 4 })]);
        const request = requestOf(tenant, [counterOf({ cost: 6 })], 'r1');
        expect(await fixture.limiter.refund(request)).toBe('refunded');
        expect(await remaining(counterOf())).toEqual([6]);
      });

      it('gives nothing back for a denial or for a request that never came', async () => {
        await takeMany(10, [counterOf()]);
        await take([counterOf()], 'denied');
        for (const id of ['denied', 'never']) {
          const request = requestOf(tenant, [counterOf()], id);
          expect(await fixture.limiter.refund(request)).toBe('nothing');
        }
        expect(await remaining(counterOf())).toEqual([0]);
      });

      it('X3 a repeat after the refund is decided anew, and counted', async () => {
        await take([counterOf()], 'r1');
        await fixture.limiter.refund(requestOf(tenant, [counterOf()], 'r1'));
        expect(await take([counterOf()], 'r1')).toMatchObject({ kind: 'taken', replayed: false });
        expect(await remaining(counterOf())).toEqual([9]);
      });
    });

    describe('reading', () => {
      it('R31 a peek takes nothing, however often', async () => {
        for (let times = 0; times < 5; times += 1) {
          expect(await remaining(counterOf({ cost: 10 }))).toEqual([10]);
        }
        expect((await take([counterOf({ cost: 10 })])).kind).toBe('taken');
      });

      it('R29 X7 after the wait of a denial the call is taken, one millisecond before it is not', async () => {
        await take([counterOf({ cost: 4 })]);
        fixture.clock.advance(20_000);
        await take([counterOf({ cost: 4 })]);
        fixture.clock.advance(3_333);
        const [reading] = windowsOf(await take([counterOf({ cost: 7 })]));
        const waitMs = reading?.retryAfterMs ?? NaN;
        // Three units are left and four more are needed: those of the second take as well, so the
        // longer wait.
        expect(waitMs).toBeGreaterThan(MINUTE_MS - 3_334);
        fixture.clock.advance(waitMs - 1);
        expect((await take([counterOf({ cost: 7 })])).kind).toBe('denied');
        fixture.clock.advance(1);
        expect((await take([counterOf({ cost: 7 })])).kind).toBe('taken');
      });

      it('R29 the longest wait of all violated windows is the wait of the call', async () => {
        const counters = [
          counterOf({ windows: [windowOf(1, 1000), windowOf(2)] }),
          counterOf({ scope: 'team:a', windows: [windowOf(2, 10_000)] }),
        ];
        await take(counters);
        fixture.clock.advance(1_500);
        await take(counters);
        const waits = windowsOf(await take(counters)).map((reading) => reading.retryAfterMs);
        const waitMs = Math.max(...waits);
        expect(waits.every((wait) => wait > 0)).toBe(true);
        fixture.clock.advance(waitMs - 1);
        expect((await take(counters)).kind).toBe('denied');
        fixture.clock.advance(1);
        expect((await take(counters)).kind).toBe('taken');
      });
    });

    describe('change', () => {
      it('X2 time that goes backwards frees nothing, and the wait still holds on the clock set back', async () => {
        await takeMany(10, [counterOf()]);
        fixture.clock.set(START_MS - 3_600_000);
        const [reading] = windowsOf(await take([counterOf()]));
        const waitMs = reading?.retryAfterMs ?? NaN;
        expect(waitMs).toBe(3_600_000 + MINUTE_MS + SUB_BUCKET_MS - 7);
        fixture.clock.advance(waitMs - 1);
        expect((await take([counterOf()])).kind).toBe('denied');
        fixture.clock.advance(1);
        expect((await take([counterOf()])).kind).toBe('taken');
      });

      it('R18 a changed limit counts at once against what is in use', async () => {
        await takeMany(6, [counterOf()]);
        expect((await take([counterOf({ limit: 5 })])).kind).toBe('denied');
        expect((await take([counterOf({ limit: 7 })])).kind).toBe('taken');
      });

      it('R18 when windows change, those of the same length keep their counts', async () => {
        const before = counterOf({ windows: [windowOf(50, 1000), windowOf(50)] });
        await takeMany(6, [before]);
        const after = counterOf({ windows: [windowOf(50), windowOf(50, 3_600_000)] });
        await take([after]);
        expect(await remaining(after)).toEqual([43, 49]);
      });
    });

    it('R74 is healthy, with nothing to say', async () => {
      expect(await fixture.limiter.health()).toMatchObject({ healthy: true, problem: '' });
    });
  });
}
