import { expect, it } from 'vitest';

import type { RateLimiter } from '../../src/decision/ports.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { MemoryRateLimiter } from '../../src/stores/memory/memory-rate-limiter.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';
import { peekAt, requestOf, START_MS, windowsOf } from '../conformance/rate-limiter/fixture.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { StrictCounts } from './window-count.ts';
import { DecisionSource, MIXED_LEVELS, STRICT_LEVELS } from './window-decisions.ts';
import type { Level } from './window-decisions.ts';

const SEED = 20_261_121;
const TENANT = 'org';
/** These tests are about answers, not about their speed. */
const DEADLINE_MS = 10_000;
const PATIENT_MS = 180_000;
/** More counters than one call may have are read in parts. */
const MOST_COUNTERS = 64;

interface Run {
  readonly levels: readonly Level[];
  readonly decisions: number;
  /** Decisions at a time, all in the same millisecond. */
  readonly atOnce: number;
  readonly limiter: RateLimiter;
  readonly clock: ManualClock;
  /** The truth, where there is a model of it. */
  readonly truth?: StrictCounts;
  /** Is sent what the other admitted, and nothing else. */
  readonly twin?: RateLimiter;
}

interface Result {
  readonly denied: number;
  /** Windows that denied something, as limit and length. */
  readonly violated: ReadonlySet<string>;
  /** Decisions that were not as the truth is. */
  readonly wrong: number;
  /** Units that readings of decisions and the last ones were off by, all together. */
  readonly leakedUnits: number;
}

/** Sends random decisions, compares each with the truth, and what is left with the twin. */
async function decideAll({ levels, decisions, atOnce, ...run }: Run): Promise<Result> {
  const { limiter, twin, clock, truth } = run;
  const source = new DecisionSource(levels, SEED);
  const violated = new Set<string>();
  let [denied, wrong, leakedUnits] = [0, 0, 0];
  for (let sent = 0; sent < decisions; sent += atOnce) {
    clock.advance(source.gapMs(atOnce));
    const requests = Array.from({ length: atOnce }, (_, index) =>
      requestOf(TENANT, source.next(), String(sent + index)),
    );
    const outcomes = await Promise.all(requests.map((request) => limiter.take(request)));
    for (const [index, outcome] of outcomes.entries()) {
      const { counters } = requests[index]!;
      const readings = windowsOf(outcome);
      const taken = outcome.kind === 'taken';
      if (!taken) denied += 1;
      if (truth && truth.fits(clock.nowMs(), counters) !== taken) wrong += 1;
      if (taken) truth?.add(clock.nowMs(), counters);
      leakedUnits += truth?.leakedUnits(clock.nowMs(), counters, readings) ?? 0;
      for (const { violated: full, limitId, lengthMs } of readings) {
        if (full) violated.add(`${limitId} ${lengthMs}`);
      }
    }
    if (twin === undefined) continue;
    const admitted = requests.filter((_, index) => outcomes[index]?.kind === 'taken');
    const again = await Promise.all(admitted.map((request) => twin.take(request)));
    wrong += again.filter(({ kind }) => kind !== 'taken').length;
  }
  const all = source.all();
  for (let part = 0; part < all.length; part += MOST_COUNTERS) {
    const counters = all.slice(part, part + MOST_COUNTERS);
    const readings = await peekAt(limiter, TENANT, counters);
    leakedUnits += truth?.leakedUnits(clock.nowMs(), counters, readings) ?? 0;
    if (twin) expect(readings).toEqual(await peekAt(twin, TENANT, counters));
  }
  return { denied, violated, wrong, leakedUnits };
}

function expectNoLeak(result: Result, { levels, decisions }: Pick<Run, 'levels' | 'decisions'>) {
  expect(result).toMatchObject({ wrong: 0, leakedUnits: 0 });
  expect(result.denied).toBeGreaterThan(decisions / 3);
  expect(result.denied).toBeLessThan((decisions * 2) / 3);
  const windows = levels.flatMap(({ kind, windows }) =>
    windows.map(({ lengthMs }) => `${kind} ${lengthMs}`),
  );
  expect([...result.violated].sort()).toEqual(windows.sort());
}

it(
  'X1 R20 a million decisions on five scopes in memory: denials leave nothing behind',
  { timeout: PATIENT_MS },
  async () => {
    const clock = new ManualClock(START_MS);
    const what = { levels: STRICT_LEVELS, decisions: 1_000_000 };
    const limiter = new MemoryRateLimiter({ clock });
    const truth = new StrictCounts();
    expectNoLeak(await decideAll({ ...what, atOnce: 1, limiter, clock, truth }), what);
  },
);

it(
  'X1 R20 where each scope counts in another way, denials leave nothing behind in memory',
  { timeout: PATIENT_MS },
  async () => {
    const clock = new ManualClock(START_MS);
    const what = { levels: MIXED_LEVELS, decisions: 100_000 };
    const limiter = new MemoryRateLimiter({ clock });
    const twin = new MemoryRateLimiter({ clock });
    expectNoLeak(await decideAll({ ...what, atOnce: 1, limiter, twin, clock }), what);
  },
);

it.each([
  ['five scopes', STRICT_LEVELS, new StrictCounts()],
  ['five scopes that each count in another way', MIXED_LEVELS, undefined],
] as const)(
  'X1 R20 20,000 decisions on Redis, %s: denials leave nothing behind',
  { timeout: PATIENT_MS },
  async (_scopes, levels, truth) => {
    await using server = await startRedisServer();
    const clock = new ManualClock(START_MS);
    const what = { levels, decisions: 20_000 };
    const open = (keyPrefix: string): Promise<RateLimiter> =>
      openRedisRateLimiter({
        url: server.url,
        deadlineMs: DEADLINE_MS,
        keyPrefix,
        nowMs: () => clock.nowMs(),
      });
    const limiter = await open('all');
    const twin = await open('admitted');
    const run = { ...what, atOnce: 20, limiter, twin, clock, ...(truth && { truth }) };
    expectNoLeak(await decideAll(run), what);
    await Promise.all([limiter.close(), twin.close()]);
  },
);
