import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { send } from '../support/send.ts';
import { openStack, type Stack } from '../support/stack.ts';

const RULES = `
version: 1
tenants: [{ id: acme }]
agents: [{ id: copilot, provider: copilot_studio }]
policies: [{ id: all, effect: allow }]
`;
const BUDGET = `budgets: [{ id: ten, scope: organization, period: total, caps: { cost_usd: '10' } }]\n`;
const LIMIT = `limits: [{ id: ten, scope: organization, windows: [{ limit: 10, per: minute }] }]\n`;
const TWO_LIMITS = `limits:
  - { id: ten, scope: organization, windows: [{ limit: 10, per: minute }] }
  - { id: many, scope: user, windows: [{ limit: 1000, per: minute }] }
`;

const dollar = { tenant: 'acme', agent: 'copilot', estimate: { costMicroUsd: 1_000_000n } };

describe('X2 exact under concurrency', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  beforeEach(async () => {
    redis = await startRedisServer();
  });

  afterEach(async () => {
    await redis[Symbol.asyncDispose]();
  });

  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
  });

  /** As many sidecars as asked for, on one Redis and one Postgres. */
  async function sidecars(count: number, rules: string, poolSize = 4): Promise<readonly Stack[]> {
    const databaseUrl = await postgres.createDatabase();
    const options = { configuration: RULES + rules, databaseUrl, redisUrl: redis.url, poolSize };
    return Promise.all(
      Array.from({ length: count }, () => openStack({ ...options, clock: systemClock })),
    );
  }

  async function allowedOf(stacks: readonly Stack[], calls: number): Promise<number> {
    const answers = await Promise.all(
      Array.from({ length: calls }, (_, index) =>
        send.reserve(stacks[index % stacks.length]!, { requestId: `call-${index}`, call: dollar }),
      ),
    );
    return answers.filter(({ decision }) => decision?.effect === Effect.ALLOW).length;
  }

  it.each([
    ['P7 100 concurrent calls of $1 on a hard budget of $10', 1, BUDGET, 100, 4],
    ['P18 the same over two sidecars', 2, BUDGET, 100, 4],
    ['P8 100 concurrent calls on 10 a minute', 1, LIMIT, 100, 4],
    ['P8 the same over two sidecars', 2, LIMIT, 100, 4],
    ['P10 300 concurrent calls on 10 a minute with two connections', 1, LIMIT, 300, 2],
  ])('%s: exactly 10', async (_name, count, rules, calls, poolSize) => {
    const stacks = await sidecars(count, rules, poolSize);
    try {
      expect(await allowedOf(stacks, calls)).toBe(10);
      expect(await stacks[0]?.stores.verify()).toMatchObject({ kind: 'ok' });
    } finally {
      for (const stack of stacks) await stack[Symbol.asyncDispose]();
    }
  });

  it('P31 of 300 concurrent calls every one is recorded, allowed or denied', async () => {
    const [stack] = await sidecars(1, LIMIT, 2);
    await using only = stack!;
    await allowedOf([only], 300);
    await only.flush();
    const effects = { allow: 0, deny: 0 };
    let pageToken: string | undefined;
    do {
      const page = await only.stores.lineage.list({
        tenant: 'acme',
        pageSize: 100,
        ...(pageToken && { pageToken }),
      });
      if ('kind' in page) throw new Error(page.problem);
      for (const { decision } of page.items) effects[decision.effect] += 1;
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(effects).toEqual({ allow: 10, deny: 290 });
  });

  it('X1 a denial by one scope leaves every other scope as it was', async () => {
    const [stack] = await sidecars(1, TWO_LIMITS);
    await using only = stack!;
    const authorize = (index: number) =>
      send.authorize(only, {
        requestId: `scoped-${index}`,
        call: { ...dollar, principal: { user: 'ann' } },
      });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => authorize(index)));
    const allowed = answers.filter(({ decision }) => decision?.effect === Effect.ALLOW);
    expect(allowed).toHaveLength(10);
    const last = await authorize(50);
    const many = last.decision?.rateStatus.find(({ limitId }) => limitId === 'many');
    expect(many?.remaining).toBe(990n);
  });
});
