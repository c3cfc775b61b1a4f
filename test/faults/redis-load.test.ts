import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import type { RateLimiter, TakeOutcome, TakeRequest } from '../../src/decision/ports.ts';
import { counterOf, peekAt, requestOf, windowOf } from '../conformance/rate-limiter/fixture.ts';
import { Metronome } from '../support/metronome.ts';
import { openLimiter } from '../support/open-limiter.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { ofKind, perMille, TakingCallers } from '../support/taking-callers.ts';
import type { Answered } from '../support/taking-callers.ts';
import { until } from '../support/until.ts';

const CALLERS = 64;
const PAUSE_MS = 10;
const HOUR_MS = 3_600_000;
/** Nobody comes near it, so every take that Redis decides is one that it counts. */
const FAR_ABOVE = 1_000_000;
/** For what is asked beside the load, where a busy machine must not look like an outage. */
const PATIENT_MS = 10_000;
const TEST_TIMEOUT_MS = 120_000;

/** Many short freezes, for the figures; in the long one the connection itself is given up. */
const FREEZES_MS = [...Array.from({ length: 12 }, () => 250), 2_000, 250];
/** A stopped process may finish the instruction it is at. */
const STOPPING_MS = 20;
/** Takes between two freezes, so that all is well before the next. */
const TAKES_BETWEEN = 200;
const REPEATS_AT_A_TIME = 256;

const COUNTER = counterOf({ windows: [windowOf(FAR_ABOVE, HOUR_MS)] });

/** From when to when Redis certainly did nothing. */
interface Freeze {
  readonly fromMs: number;
  readonly toMs: number;
}

async function freezeFor(server: RedisServer, ms: number): Promise<Freeze> {
  server.freeze();
  await sleep(STOPPING_MS);
  const fromMs = performance.now();
  await sleep(ms);
  const toMs = performance.now();
  server.thaw();
  return { fromMs, toMs };
}

function isWithin({ sentAtMs, answeredAtMs }: Answered, { fromMs, toMs }: Freeze): boolean {
  return sentAtMs >= fromMs && answeredAtMs <= toMs;
}

/** Answers that waited for their deadline; others were turned away at once. */
function waited(answers: readonly Answered[], deadlineMs: number): readonly Answered[] {
  return answers.filter((one) => one.answeredAtMs - one.sentAtMs > deadlineMs / 2);
}

function figures(values: readonly number[]): string {
  const parts = [500, 990, 999, 1_000].map((share) => perMille(values, share).toFixed(2));
  const [p50 = '', p99 = '', p999 = '', max = ''] = parts;
  return `p50 ${p50} ms, p99 ${p99} ms, p99.9 ${p999} ms, max ${max} ms`;
}

async function usedOf(limiter: RateLimiter, counter = COUNTER): Promise<number> {
  const [reading] = await peekAt(limiter, 't', [counter]);
  return reading === undefined ? NaN : reading.limit - reading.remaining;
}

/** Repeats each request under its id. */
async function repeated(
  limiter: RateLimiter,
  requests: readonly TakeRequest[],
): Promise<readonly TakeOutcome[]> {
  const outcomes: TakeOutcome[] = [];
  for (let from = 0; from < requests.length; from += REPEATS_AT_A_TIME) {
    const some = requests.slice(from, from + REPEATS_AT_A_TIME);
    outcomes.push(...(await Promise.all(some.map((request) => limiter.take(request)))));
  }
  return outcomes;
}

describe('Redis frozen under load', () => {
  it.each([50, 10])(
    'P28 R34 X2 with a deadline of %d ms everybody is answered by it, and nothing counts twice',
    async (deadlineMs) => {
      await using server = await startRedisServer();
      await using limiter = await openLimiter(server.url, { deadlineMs });
      const next = (): TakeRequest => requestOf('t', [COUNTER]);
      const metronome = new Metronome();
      const callers = new TakingCallers({ limiter, callers: CALLERS, pauseMs: PAUSE_MS, next });
      const freezes: Freeze[] = [];
      for (const ms of FREEZES_MS) {
        await callers.until('taken', TAKES_BETWEEN);
        freezes.push(await freezeFor(server, ms));
      }
      await callers.until('taken', TAKES_BETWEEN);
      const answers = await callers.stop();
      metronome.stop();
      expect(answers).toHaveLength(callers.sent);

      const frozen = answers.filter((one) => freezes.some((freeze) => isWithin(one, freeze)));
      const kinds = new Set(frozen.map(({ outcome }) => outcome.kind));
      expect([...kinds].filter((kind) => kind !== 'overloaded')).toEqual(['unavailable']);
      const atDeadline = waited(frozen, deadlineMs);
      const late = atDeadline.map((one) => one.answeredAtMs - one.sentAtMs - deadlineMs);
      // A busy machine stops the test itself for a while, which is no lateness of an answer.
      const ownLate = atDeadline.map((one, index) => {
        const heldUpMs = metronome.heldUpMs(one.sentAtMs + deadlineMs, one.answeredAtMs);
        return Math.max(0, late[index]! - heldUpMs);
      });
      console.info(
        `deadline ${deadlineMs} ms: ${frozen.length} answers of a frozen Redis, ` +
          `${late.length} at the deadline, late by ${figures(late)}; ` +
          `but for the time in which this process was held up ${figures(ownLate)}`,
      );
      expect(late.length).toBeGreaterThanOrEqual(CALLERS);
      expect(perMille(ownLate, 999)).toBeLessThan(50);
      expect(Math.max(...ownLate)).toBeLessThan(500);

      await using patient = await openLimiter(server.url, { deadlineMs: PATIENT_MS });
      const taken = ofKind(answers, 'taken').length;
      const unknown = answers.filter(({ outcome }) => outcome.kind !== 'taken');
      const used = await usedOf(patient);
      expect(used).toBeGreaterThanOrEqual(taken);
      expect(used).toBeLessThanOrEqual(taken + ofKind(answers, 'unavailable').length);
      // A repeat tells which of the unanswered were counted; then each counts once.
      const repeats = await repeated(
        patient,
        unknown.map(({ request }) => request),
      );
      const before = repeats.filter((one) => one.kind === 'taken' && one.replayed).length;
      expect(taken + before).toBe(used);
      expect(await usedOf(patient)).toBe(callers.sent);
      console.info(`${callers.sent} takes: ${taken} taken, ${before} counted and not answered`);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('Redis full under load', () => {
  const counters = [
    COUNTER,
    counterOf({ scope: 'team:a', windows: [windowOf(FAR_ABOVE, HOUR_MS)] }),
  ];
  const TIMES = 3;
  const FULL_MS = 300;

  it(
    'X2 X13 is unavailable, counts nothing in any scope, and takes again when there is room',
    async () => {
      await using server = await startRedisServer({ args: ['--maxmemory-policy', 'noeviction'] });
      await using limiter = await openLimiter(server.url, { deadlineMs: PATIENT_MS });
      const next = (): TakeRequest => requestOf('t', counters);
      const callers = new TakingCallers({ limiter, callers: CALLERS, pauseMs: PAUSE_MS, next });
      const full: Freeze[] = [];
      for (let time = 0; time < TIMES; time += 1) {
        await callers.until('taken', TAKES_BETWEEN);
        await server.ask('CONFIG', 'SET', 'maxmemory', '1');
        const fromMs = performance.now();
        await sleep(FULL_MS);
        full.push({ fromMs, toMs: performance.now() });
        await server.ask('CONFIG', 'SET', 'maxmemory', '0');
      }
      await callers.until('taken', TAKES_BETWEEN);
      const answers = await callers.stop();
      expect(answers).toHaveLength(callers.sent);

      const refused = answers.filter((one) => full.some((freeze) => isWithin(one, freeze)));
      expect(refused.length).toBeGreaterThanOrEqual(CALLERS);
      const outOfMemory = { kind: 'unavailable', problem: expect.stringMatching(/OOM/) as string };
      for (const { outcome } of refused) {
        expect(outcome).toMatchObject(outOfMemory);
      }
      const taken = ofKind(answers, 'taken').length;
      expect(taken + ofKind(answers, 'unavailable').length).toBe(callers.sent);
      for (const counter of counters) expect(await usedOf(limiter, counter)).toBe(taken);
      const again = await repeated(
        limiter,
        refused.map(({ request }) => request),
      );
      expect(again.every((one) => one.kind === 'taken' && !one.replayed)).toBe(true);
      for (const counter of counters) {
        expect(await usedOf(limiter, counter)).toBe(taken + refused.length);
      }
      await until(async () => (await limiter.health()).healthy, PATIENT_MS, 'not healthy again');
    },
    TEST_TIMEOUT_MS,
  );
});
