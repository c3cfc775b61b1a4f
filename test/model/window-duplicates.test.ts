import { expect, it } from 'vitest';

import type { RateLimiter, TakeOutcome, TakeRequest } from '../../src/decision/ports.ts';
import type { CounterSpec } from '../../src/limits/counter.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';
import { counterOf, peekAt, requestOf, windowOf } from '../conformance/rate-limiter/fixture.ts';
import { randomFrom } from '../support/random-from.ts';
import { startRedisServer } from '../support/redis-server.ts';

const REQUESTS = 100_000;
/** Requests that are new at a time; with the copies of earlier ones some 1,500 takes are sent. */
const WAVE = 500;
/** Waves that a late copy stays behind at most. */
const LATEST = 20;
const SEED = 20_261_121;
const TENANT = 'org';
/** This test is about answers, not about their speed. */
const DEADLINE_MS = 10_000;
const PATIENT_MS = 180_000;

const SECOND_MS = 1_000;
/** Nothing leaves a window of a day while the test runs. */
const DAY_MS = 86_400_000;
const USERS = 200;
const TEAMS = 20;
/** Fewer than the 5,000 requests that come to a team. */
const TEAM_LIMIT = 3_000;
const ROOMY = 1_000_000;

const userCounters = Array.from({ length: USERS }, (_, user) =>
  counterOf({ limitId: 'user', scope: `user:${user}`, windows: [windowOf(ROOMY, DAY_MS)] }),
);
/** Those of even numbers have room again after a second, the others never. */
const teamCounters = Array.from({ length: TEAMS }, (_, team) =>
  counterOf({
    limitId: 'team',
    scope: `team:${team}`,
    windows:
      team % 2 === 0
        ? [windowOf(100, SECOND_MS), windowOf(ROOMY, DAY_MS)]
        : [windowOf(TEAM_LIMIT, DAY_MS)],
  }),
);
const globalCounter = counterOf({
  limitId: 'all',
  scope: 'global',
  crossTenant: true,
  windows: [windowOf(ROOMY, DAY_MS)],
});

/** One request and what became of its copies. */
interface Case {
  readonly request: TakeRequest;
  readonly copies: number;
  readonly kinds: Set<TakeOutcome['kind']>;
  answered: number;
  /** Copies that were decided and not recalled. */
  decided: number;
}

/** Users are of any team, so that each denial by a team must leave its user alone. */
function caseOf(number: number, random: () => number): Case {
  const user = userCounters[Math.floor(random() * USERS)]!;
  const team = teamCounters[number % TEAMS]!;
  return {
    request: requestOf(TENANT, [user, team, globalCounter], `request-${number}`),
    copies: 2 + Math.floor(random() * 3),
    kinds: new Set(),
    answered: 0,
    decided: 0,
  };
}

async function send(limiter: RateLimiter, sent: Case): Promise<void> {
  const outcome = await limiter.take(sent.request);
  sent.kinds.add(outcome.kind);
  sent.answered += 1;
  if ('replayed' in outcome && !outcome.replayed) sent.decided += 1;
}

/**
 * Sends a copy of each case through each limiter at the same time, and the others with them, which
 * is in one script call, or up to so many waves later.
 */
async function sendAll(
  cases: readonly Case[],
  limiters: readonly [RateLimiter, RateLimiter],
  random: () => number,
): Promise<void> {
  const waves = Math.ceil(cases.length / WAVE);
  const late: Case[][] = Array.from({ length: waves + LATEST + 1 }, () => []);
  for (const [wave, repeats] of late.entries()) {
    const either = (): RateLimiter => limiters[random() < 0.5 ? 0 : 1];
    const sending: Promise<void>[] = [];
    for (const one of cases.slice(wave * WAVE, (wave + 1) * WAVE)) {
      for (const limiter of limiters) sending.push(send(limiter, one));
      for (let copy = 2; copy < one.copies; copy += 1) {
        if (random() < 0.3) sending.push(send(either(), one));
        else late[wave + 1 + Math.floor(random() * LATEST)]?.push(one);
      }
    }
    for (const one of repeats) sending.push(send(either(), one));
    await Promise.all(sending);
  }
}

/** How many of the cases took from each counter, by its scope. */
function takenByScope(cases: readonly Case[]): ReadonlyMap<string, number> {
  const taken = new Map<string, number>();
  for (const { request, kinds } of cases) {
    if (!kinds.has('taken')) continue;
    for (const { scope } of request.counters) taken.set(scope, (taken.get(scope) ?? 0) + 1);
  }
  return taken;
}

/** What the windows of a day hold, by scope. */
async function usedByScope(
  limiter: RateLimiter,
  counters: readonly CounterSpec[],
): Promise<ReadonlyMap<string, number>> {
  const used = new Map<string, number>();
  for (const counter of counters) {
    const readings = await peekAt(limiter, TENANT, [counter]);
    const day = readings.find(({ lengthMs }) => lengthMs === DAY_MS);
    if (day) used.set(day.scope, day.limit - day.remaining);
  }
  return used;
}

it(
  'X3 X2 100,000 requests sent two to four times through two processes are each counted once',
  { timeout: PATIENT_MS },
  async () => {
    await using server = await startRedisServer();
    const open = (): Promise<RateLimiter> =>
      openRedisRateLimiter({ url: server.url, deadlineMs: DEADLINE_MS });
    const limiters = [await open(), await open()] as const;
    const random = randomFrom(SEED);
    const cases = Array.from({ length: REQUESTS }, (_, number) => caseOf(number, random));
    await sendAll(cases, limiters, random);

    const kinds = new Set(cases.flatMap((one) => [...one.kinds]));
    expect([...kinds].sort()).toEqual(['denied', 'taken']);
    expect(cases.filter((one) => one.answered !== one.copies)).toEqual([]);
    expect(cases.filter((one) => one.kinds.size !== 1)).toEqual([]);
    expect(cases.filter((one) => one.decided !== 1)).toEqual([]);

    const taken = takenByScope(cases);
    for (const limiter of limiters) {
      const used = await usedByScope(limiter, [...userCounters, ...teamCounters, globalCounter]);
      expect(used).toEqual(taken);
      await limiter.close();
    }
    for (let team = 1; team < TEAMS; team += 2) expect(taken.get(`team:${team}`)).toBe(TEAM_LIMIT);
  },
);
