import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_COUNT, MAX_WINDOW_MS } from './bounds.ts';
import { checkCounters } from './check-counters.ts';
import type { CounterSpec, WindowSpec } from './counter.ts';
import { SlidingWindow } from './sliding-window.ts';

const START_MS = 1_790_000_000_123;
/** Enough programs to meet every edge of a ring in each run, and still under a second. */
const RUNS = 400;

/** Of a strict window only the limit matters here; its length is the meter's own. */
function most(limit: number): WindowSpec {
  return { lengthMs: 1, limit };
}
const ANY = most(0);

interface Event {
  readonly atMs: number;
  readonly cost: number;
}

/** The truth: units taken within the last `spanMs`, both ends included. */
function unitsWithin(log: readonly Event[], nowMs: number, spanMs: number): number {
  const counted = log.filter((event) => event.atMs >= nowMs - spanMs && event.atMs <= nowMs);
  return counted.reduce((sum, event) => sum + event.cost, 0);
}

const program = fc.record({
  lengthMs: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constantFrom(1000, 60_000, 3_600_000)),
  limit: fc.integer({ min: 0, max: 20 }),
  startMs: fc.integer({ min: START_MS, max: START_MS + 100_000 }),
  // Steps in thousandths of the window, so that every program crosses several windows.
  calls: fc.array(
    fc.record({ step: fc.integer({ min: 0, max: 700 }), cost: fc.integer({ min: 0, max: 4 }) }),
    { minLength: 1, maxLength: 120 },
  ),
});

type Program = typeof program extends fc.Arbitrary<infer T> ? T : never;

/** Drives a window as a store does: takes what fits. Calls `seen` before each call is decided. */
function drive(
  { lengthMs, limit, startMs, calls }: Program,
  seen: (window: SlidingWindow, log: readonly Event[], nowMs: number, cost: number) => void,
): void {
  const window = new SlidingWindow(lengthMs);
  const log: Event[] = [];
  let nowMs = startMs;
  for (const { step, cost } of calls) {
    nowMs += Math.floor((step * lengthMs) / 1000);
    seen(window, log, nowMs, cost);
    if (!window.fits(nowMs, most(limit), cost)) continue;
    window.take(nowMs, ANY, cost);
    log.push({ atMs: nowMs, cost });
  }
}

describe('strict sliding window', () => {
  it('R20 X2 never admits more than the limit in any trailing window', () => {
    fc.assert(
      fc.property(program, (run) => {
        drive(run, (window, log, nowMs, cost) => {
          if (!window.fits(nowMs, most(run.limit), cost)) return;
          expect(unitsWithin(log, nowMs, run.lengthMs) + cost).toBeLessThanOrEqual(run.limit);
        });
      }),
      { numRuns: RUNS },
    );
  });

  it('R20 denies early by at most one sub-bucket, 2 % of the window', () => {
    fc.assert(
      fc.property(program, (run) => {
        drive(run, (window, log, nowMs, cost) => {
          if (window.fits(nowMs, most(run.limit), cost)) return;
          const spanMs = run.lengthMs + run.lengthMs / 50;
          expect(unitsWithin(log, nowMs, spanMs) + cost).toBeGreaterThan(run.limit);
        });
      }),
      { numRuns: RUNS },
    );
  });

  it('R29 X7 retryAfterMs is exact: room at that wait, none one millisecond before', () => {
    fc.assert(
      fc.property(program, fc.integer({ min: 0, max: 4 }), ({ calls, ...rest }, asked) => {
        const window = new SlidingWindow(rest.lengthMs);
        let nowMs = rest.startMs;
        for (const { step, cost } of calls) {
          nowMs += Math.floor((step * rest.lengthMs) / 1000);
          if (window.fits(nowMs, most(rest.limit), cost)) window.take(nowMs, ANY, cost);
        }
        const { violated, retryAfterMs } = window.read(nowMs, most(rest.limit), asked);
        if (!violated) expect(retryAfterMs).toBe(0);
        else if (asked > rest.limit) expect(retryAfterMs).toBe(Infinity);
        else {
          expect(window.fits(nowMs + retryAfterMs - 1, most(rest.limit), asked)).toBe(false);
          expect(window.fits(nowMs + retryAfterMs, most(rest.limit), asked)).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('R30 resetAfterMs is the moment when something is given back', () => {
    fc.assert(
      fc.property(program, (run) => {
        drive(run, (window, log, nowMs) => {
          const { remaining, resetAfterMs } = window.read(nowMs, most(MAX_COUNT), 0);
          if (remaining === MAX_COUNT) return expect(resetAfterMs).toBe(0);
          const replayed = new SlidingWindow(run.lengthMs);
          for (const event of log) replayed.take(event.atMs, ANY, event.cost);
          const before = replayed.read(nowMs + resetAfterMs - 1, most(MAX_COUNT), 0).remaining;
          expect(before).toBe(remaining);
          const after = replayed.read(nowMs + resetAfterMs, most(MAX_COUNT), 0).remaining;
          expect(after).toBeGreaterThan(remaining);
        });
      }),
      { numRuns: RUNS / 4 },
    );
  });

  it('R20 a refund goes to the sub-bucket it was taken from, and to none once that has left', () => {
    fc.assert(
      fc.property(program, fc.nat(), fc.integer({ min: 0, max: 3000 }), (run, pick, laterBy) => {
        const window = new SlidingWindow(run.lengthMs);
        const without = new SlidingWindow(run.lengthMs);
        const refunded = pick % run.calls.length;
        let nowMs = run.startMs;
        let takenAtMs = 0;
        for (const [index, { step, cost }] of run.calls.entries()) {
          nowMs += Math.floor((step * run.lengthMs) / 1000);
          window.take(nowMs, ANY, cost);
          if (index === refunded) takenAtMs = nowMs;
          else without.take(nowMs, ANY, cost);
        }
        nowMs += Math.floor((laterBy * run.lengthMs) / 1000);
        window.correct(nowMs, takenAtMs, -(run.calls[refunded]?.cost ?? 0));
        for (let part = 0; part <= 1100; part += 20) {
          const atMs = nowMs + Math.floor((part * run.lengthMs) / 1000);
          expect(window.read(atMs, most(MAX_COUNT), 0)).toEqual(
            without.read(atMs, most(MAX_COUNT), 0),
          );
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('X2 time never goes backwards: a clock set back frees nothing and loses nothing', () => {
    const window = new SlidingWindow(60_000);
    window.take(START_MS, ANY, 10);
    expect(window.fits(START_MS - 3_600_000, most(10), 1)).toBe(false);
    window.take(START_MS - 3_600_000, ANY, 0);
    const { retryAfterMs } = window.read(START_MS - 3_600_000, most(10), 1);
    expect(window.fits(START_MS - 3_600_000 + retryAfterMs - 1, most(10), 1)).toBe(false);
    expect(window.fits(START_MS - 3_600_000 + retryAfterMs, most(10), 1)).toBe(true);
  });

  it('limit 0 blocks every cost above 0, for good', () => {
    const window = new SlidingWindow(1000);
    expect(window.read(START_MS, most(0), 0)).toMatchObject({ violated: false, remaining: 0 });
    expect(window.read(START_MS, most(0), 1)).toMatchObject({
      violated: true,
      retryAfterMs: Infinity,
    });
  });

  it('a limit lowered below what is in use reads as 0 left and denies even a cost of 0', () => {
    const window = new SlidingWindow(1000);
    window.take(START_MS, ANY, 10);
    expect(window.read(START_MS, most(4), 0)).toMatchObject({ violated: true, remaining: 0 });
  });

  it('counts at the largest limit exactly', () => {
    const window = new SlidingWindow(MAX_WINDOW_MS);
    window.take(START_MS, ANY, MAX_COUNT - 1);
    expect(window.fits(START_MS + MAX_WINDOW_MS, most(MAX_COUNT), 1)).toBe(true);
    expect(window.fits(START_MS + MAX_WINDOW_MS, most(MAX_COUNT), 2)).toBe(false);
  });
});

describe('checkCounters', () => {
  const counter: CounterSpec = {
    limitId: 'l',
    scope: 'user:a',
    crossTenant: false,
    algorithm: 'strict',
    windows: [{ lengthMs: 1000, limit: 1 }],
    cost: 1,
    unit: 'requests',
    onOutage: 'deny',
    localPerMille: 0,
  };

  it.each([
    ['a fractional cost', { cost: 0.5 }],
    ['a negative cost', { cost: -1 }],
    ['a cost that is not a number', { cost: NaN }],
    ['no windows', { windows: [] }],
    [
      'nine windows',
      { windows: Array.from({ length: 9 }, (_, i) => ({ lengthMs: i + 1, limit: 1 })) },
    ],
    ['a window of no length', { windows: [{ lengthMs: 0, limit: 1 }] }],
    ['a window too long', { windows: [{ lengthMs: MAX_WINDOW_MS + 1, limit: 1 }] }],
    ['a negative limit', { windows: [{ lengthMs: 1, limit: -1 }] }],
    ['a limit above 32 bits', { windows: [{ lengthMs: 1, limit: MAX_COUNT + 1 }] }],
    [
      'windows out of order',
      {
        windows: [
          { lengthMs: 2, limit: 1 },
          { lengthMs: 1, limit: 1 },
        ],
      },
    ],
  ])('P15 refuses %s', (_what, change) => {
    expect(() => checkCounters([{ ...counter, ...change }])).toThrow(RangeError);
  });

  it('refuses the same counter twice, and more than 64', () => {
    expect(() => checkCounters([counter, counter])).toThrow('twice');
    const many = Array.from({ length: 65 }, (_, i) => ({ ...counter, scope: `user:${i}` }));
    expect(() => checkCounters(many)).toThrow('64');
    expect(() => checkCounters([counter, { ...counter, scope: 'user:b' }])).not.toThrow();
  });
});
