import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  GetBudgetStatusRequest,
  type GetBudgetStatusResponse,
} from '../../src/gen/tollgate/v1/query_service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../support/command.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { openStack, type Stack } from '../support/stack.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const TRACE = join(examples, 'azure-llm-code-2023.csv');
const CAP_MICRO_USD = 100_000_000n;
/** Between two looks at the account while the trace is driven. */
const LOOK_MS = 20;

describe('the production trace, by 64 callers on real Redis and Postgres', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let stack: Stack;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  beforeEach(async () => {
    redis = await startRedisServer();
  });

  afterEach(async () => {
    await stack[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
  });

  async function open(example: string): Promise<void> {
    stack = await openStack({
      configuration: readFileSync(join(examples, example), 'utf8'),
      databaseUrl: await postgres.createDatabase(),
      redisUrl: redis.url,
      clock: systemClock,
    });
  }

  async function drive(): Promise<unknown> {
    const { exitCode, stdout, stderr } = await runCommand([
      ...['drive', '--trace', TRACE, '--address', stack.address, '--concurrency', '64'],
      ...['--tenant', 'demo', '--agent', 'code-model', '--json'],
    ]);
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  }

  function budgetStatus(): Promise<GetBudgetStatusResponse> {
    return new Promise((resolve, reject) => {
      const request = GetBudgetStatusRequest.fromPartial({ tenant: 'demo' });
      stack.queries.getBudgetStatus(request, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  }

  it('R50 X2 without a cap every call is settled to the micro-dollar and the token', async () => {
    await open('demo-unlimited.yaml');
    expect(await drive()).toEqual({
      calls: 8_819,
      allowed: 8_819,
      denied: 0,
      committed_micro_usd: 909_312_980,
      input_tokens: 18_059_974,
      output_tokens: 245_896,
      held_micro_usd: 0,
    });
    expect(await stack.stores.verify()).toMatchObject({ kind: 'ok', reservations: 8_819 });
  }, 120_000);

  it('X2 X7 a hard $100 is never passed, at any moment read', async () => {
    await open('demo-100-usd.yaml');
    const progress = { done: false };
    const driven = drive().finally(() => (progress.done = true));
    let looks = 0;
    let over = false;
    while (!progress.done) {
      const [account] = (await budgetStatus()).budgetStatus;
      const cost = account?.metrics[0];
      if (cost) {
        looks += 1;
        over ||= cost.committed + cost.held > CAP_MICRO_USD || cost.remaining < 0n;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const summary = (await driven) as { allowed: number; denied: number; held_micro_usd: number };
    expect(over).toBe(false);
    expect(looks).toBeGreaterThan(10);
    expect(summary.allowed + summary.denied).toBe(8_819);
    expect(summary.allowed).toBeGreaterThan(900);
    expect(summary.held_micro_usd).toBe(0);
    expect(await stack.stores.verify()).toMatchObject({ kind: 'ok' });
  }, 120_000);
});
