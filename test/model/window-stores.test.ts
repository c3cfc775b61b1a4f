import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { RateLimiter } from '../../src/decision/ports.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { MemoryRateLimiter } from '../../src/stores/memory/memory-rate-limiter.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';
import {
  counterOf,
  peekAt,
  requestOf,
  tally,
  windowOf,
} from '../conformance/rate-limiter/fixture.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { MeteredLimit, StoredLimit, WAYS, windowsFor } from './window-limits.ts';
import { ODD, overshootPercent, SECOND, shortened, THREE_WINDOWS } from './window-measures.ts';
import type { Setup } from './window-measures.ts';
import { Referee } from './window-referee.ts';
import { TRAFFIC_NAMES, trafficOf } from './window-traffic.ts';

const HOUR_MS = 3_600_000;
/** These tests are about answers, not about their speed. */
const DEADLINE_MS = 10_000;
/** Clocks of sidecars, beside the true time. */
const SKEWS_MS = [-HOUR_MS, 0, HOUR_MS];

interface Instant {
  readonly atMs: number;
  readonly calls: number;
}

/** The traffic, with the calls of one millisecond together. */
function instantsOf(traffic: string, { load }: Setup): readonly Instant[] {
  const instants: { atMs: number; calls: number }[] = [];
  for (const atMs of trafficOf(traffic, load)) {
    const last = instants.at(-1);
    if (last?.atMs === atMs) last.calls += 1;
    else instants.push({ atMs, calls: 1 });
  }
  return instants;
}

/**
 * Sends the traffic to a store, each way to count side by side, and expects of every call the
 * verdict of the bare windows.
 * @param before is told the number of each instant before its calls are made.
 */
async function expectBareVerdicts(
  limiter: RateLimiter,
  clock: ManualClock,
  traffic: string,
  setup: Setup,
  before: (instant: number) => void = () => undefined,
): Promise<void> {
  const limits = WAYS.map((way) => {
    const windows = windowsFor(way, setup.windows);
    return {
      stored: new StoredLimit(limiter, clock, way, windows, `${traffic}, ${setup.name}`),
      bare: new MeteredLimit(way, windows),
      referee: new Referee(windows),
      strict: way.algorithm === 'strict',
    };
  });
  for (const [number, { atMs, calls }] of instantsOf(traffic, setup).entries()) {
    before(number);
    const asked = limits.map(({ stored }) => {
      return Promise.all(Array.from({ length: calls }, () => stored.ask(atMs)));
    });
    for (const [index, verdicts] of (await Promise.all(asked)).entries()) {
      const { bare, referee } = limits[index]!;
      expect(verdicts).toEqual(verdicts.map(() => bare.ask(atMs)));
      for (const violated of verdicts) referee.hear(atMs, violated);
    }
  }
  const reports = limits.map(({ referee }) => referee.report());
  for (const { admitted } of reports) expect(admitted).toBeGreaterThan(0);
  expect(overshootPercent(reports[0]!)).toBe(0);
}

describe('accuracy of rate windows in stores', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  describe.each([SECOND, THREE_WINDOWS])('memory, $name', (setup) => {
    const short = shortened(setup, { turns: 12 });

    it.each(TRAFFIC_NAMES)('R20 X2 decides as the bare windows do: %s', async (traffic) => {
      const clock = new ManualClock(0);
      const limiter = new MemoryRateLimiter({ clock });
      await expectBareVerdicts(limiter, clock, traffic, short);
    });
  });

  it.each(TRAFFIC_NAMES)(
    'X2 memory goes by the clock of the store, whatever those of the callers say: %s',
    async (traffic) => {
      const clock = new ManualClock(0);
      const limiter = new MemoryRateLimiter({ clock });
      const callerClock = vi.spyOn(Date, 'now');
      await expectBareVerdicts(limiter, clock, traffic, shortened(ODD, { turns: 6 }), (instant) => {
        callerClock.mockReturnValue(clock.nowMs() + SKEWS_MS[instant % SKEWS_MS.length]!);
      });
    },
  );

  describe('redis', () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedisServer();
    });
    afterAll(() => server[Symbol.asyncDispose]());
    const open = (change: { nowMs?: () => number } = {}): Promise<RateLimiter> =>
      openRedisRateLimiter({ url: server.url, deadlineMs: DEADLINE_MS, ...change });

    it.each(TRAFFIC_NAMES)('R20 X2 decides as the bare windows do: %s', async (traffic) => {
      const clock = new ManualClock(0);
      const limiter = await open({ nowMs: () => clock.nowMs() });
      for (const [setup, hammerMs] of [
        [ODD, 10],
        [THREE_WINDOWS, 1_000],
      ] as const) {
        const short = shortened(setup, { turns: 6, hammerMs });
        await expectBareVerdicts(limiter, clock, traffic, short);
      }
      await limiter.close();
    });

    it('X2 sidecars whose clocks are an hour off share exact windows: the clock of Redis counts', async () => {
      const sidecars = await Promise.all(SKEWS_MS.map(() => open()));
      // Longer than this test can take, and much shorter than the clocks are off.
      const counter = counterOf({ windows: [windowOf(100, HOUR_MS / 4)] });
      const outcomes = [];
      const trueMs = Date.now.bind(Date);
      const started = { realMs: trueMs(), elapsedMs: performance.now() };
      const callerClock = vi.spyOn(Date, 'now');
      for (let call = 0; call < 300; call += 1) {
        const which = call % sidecars.length;
        const realMs = started.realMs + performance.now() - started.elapsedMs;
        callerClock.mockReturnValue(Math.floor(realMs) + SKEWS_MS[which]!);
        outcomes.push(await sidecars[which]!.take(requestOf('skewed', [counter])));
      }
      expect(tally(outcomes)).toEqual({ taken: 100, denied: 200 });
      for (const sidecar of sidecars) {
        const [reading] = await peekAt(sidecar, 'skewed', [counter]);
        expect(reading).toMatchObject({ remaining: 0, violated: true });
        await sidecar.close();
      }
    });
  });
});
