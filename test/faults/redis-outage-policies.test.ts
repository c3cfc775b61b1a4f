import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Effect, type Decision } from '../../src/gen/tollgate/v1/verdict.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { send } from '../support/send.ts';
import { openStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** One limit for each outage policy, far above what is asked, each for an agent of its own. */
const LIMIT = 2_000;
const CONFIGURATION = `
version: 1
tenants: [{ id: acme }]
agents:
  - { id: denies, provider: other }
  - { id: allows, provider: other }
  - { id: counts, provider: other }
policies: [{ id: all, effect: allow }]
limits:
  - id: deny
    scope: agent
    match: { agents: [denies] }
    windows: [{ limit: ${LIMIT}, per: hour }]
  - id: allow
    scope: agent
    match: { agents: [allows] }
    windows: [{ limit: ${LIMIT}, per: hour }]
    on_outage: allow
  - id: local
    scope: agent
    match: { agents: [counts] }
    windows: [{ limit: ${LIMIT + 99}, per: hour }]
    on_outage: local
    local_share: 1%
`;
const AGENTS = ['denies', 'allows', 'counts'] as const;
type Agent = (typeof AGENTS)[number];

/** One per cent of 2,099, in whole calls. */
const SHARE = 20;
const CALLERS = 20;
/** The first waits for the deadline; from the third or so on the circuit is open. */
const WAVES = 6;
/** A stopped process may finish the instruction it is at. */
const STOPPING_MS = 20;
const RECOVERY_MS = 30_000;

describe('R33 P28 Redis frozen under a whole decision point at work', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let stack: Stack;
  let requests = 0;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedisServer()]);
    stack = await openStack({
      configuration: CONFIGURATION,
      databaseUrl: await postgres.createDatabase(),
      redisUrl: redis.url,
      clock: systemClock,
    });
  });
  afterAll(async () => {
    redis.thaw();
    await stack[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  async function decide(agent: Agent): Promise<Decision | undefined> {
    requests += 1;
    const call = { tenant: 'acme', agent };
    return (await send.authorize(stack, { requestId: `call-${requests}`, call })).decision;
  }

  /** What each caller of an agent is told: ALLOW or DENY, then the reasons. */
  async function wave(agent: Agent): Promise<readonly string[]> {
    const decisions = await Promise.all(Array.from({ length: CALLERS }, () => decide(agent)));
    return decisions.map((decision) => {
      const effect = decision?.effect === Effect.ALLOW ? 'ALLOW' : 'DENY';
      return [effect, ...(decision?.reasons ?? []).map(({ code }) => code)].join(' ');
    });
  }

  /** How often each answer was given to the callers of an agent. */
  function countsOf(answers: readonly string[]): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
    return counts;
  }

  const counted = { 'ALLOW policy.allowed': CALLERS };

  it('each limit answers by its outage policy, and counts again when Redis is back', async () => {
    for (const agent of AGENTS) expect(countsOf(await wave(agent))).toEqual(counted);

    redis.freeze();
    await sleep(STOPPING_MS);
    const told: Record<Agent, string[]> = { denies: [], allows: [], counts: [] };
    for (let time = 0; time < WAVES; time += 1) {
      const waves = AGENTS.map(async (agent) => told[agent].push(...(await wave(agent))));
      await Promise.all(waves);
    }
    redis.thaw();

    const all = WAVES * CALLERS;
    expect(countsOf(told.denies)).toEqual({ 'DENY policy.allowed limit.unavailable': all });
    expect(countsOf(told.allows)).toEqual({ 'ALLOW policy.allowed limit.outage_allowed': all });
    expect(countsOf(told.counts)).toEqual({
      'ALLOW policy.allowed limit.outage_local': SHARE,
      'DENY policy.allowed limit.unavailable': all - SHARE,
    });

    for (const agent of AGENTS) {
      const back = async (): Promise<boolean> =>
        (await wave(agent)).every((answer) => answer === 'ALLOW policy.allowed');
      await until(back, RECOVERY_MS, `${agent}: Redis does not count again`);
    }
  });
});
