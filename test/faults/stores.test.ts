import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { status, type ServiceError } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { send } from '../support/send.ts';
import { openStack, type Stack } from '../support/stack.ts';

const CONFIGURATION = `
version: 1
tenants: [{ id: acme }]
agents: [{ id: copilot, provider: copilot_studio }]
policies: [{ id: all, effect: allow }]
limits: [{ id: org, scope: organization, windows: [{ limit: 100000, per: hour }] }]
budgets: [{ id: org, scope: organization, period: total, caps: { cost_usd: '10' } }]
`;
const call = { tenant: 'acme', agent: 'copilot', estimate: { costMicroUsd: 1_000n } };

/** Far above the deadlines of both stores: an answer within it did not wait for a dead store. */
const ANSWER_MS = 10_000;
const RECOVERY_TRIES = 400;
const RECOVERY_PAUSE_MS = 25;

/** A Redis that comes back without its counts is another story. */
const KEEPING = ['--appendonly', 'yes'];

let next = 0;

describe('R33 X13 a store that goes away is a decision with a reason', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let stack: Stack;

  beforeEach(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedisServer({ args: KEEPING })]);
    stack = await openStack({
      configuration: CONFIGURATION,
      databaseUrl: await postgres.createDatabase(),
      redisUrl: redis.url,
      clock: systemClock,
    });
    expect(await reasons()).toEqual(['policy.allowed']);
  });

  afterEach(async () => {
    redis.thaw();
    postgres.thaw();
    await stack[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  async function reasons(requestId = `call-${next++}`): Promise<readonly string[]> {
    const { decision } = await within(send.reserve(stack, { requestId, call }));
    const codes = decision?.reasons.map(({ code }) => code) ?? [];
    expect(decision?.effect === Effect.ALLOW, codes.join()).toBe(codes.at(-1) === 'policy.allowed');
    return codes;
  }

  async function recovered(): Promise<void> {
    for (let tries = 0; tries < RECOVERY_TRIES; tries++) {
      if ((await reasons()).at(-1) === 'policy.allowed') return;
      await new Promise((resolve) => setTimeout(resolve, RECOVERY_PAUSE_MS));
    }
    throw new Error('it does not recover');
  }

  it('Redis stopped: the limit denies with its reason, and counts again when Redis is back', async () => {
    await redis.stop();
    expect(await reasons()).toEqual(['policy.allowed', 'limit.unavailable']);
    await redis.start();
    await recovered();
  });

  it('X13 Redis comes back without its counts: the limit denies and says so, until an operator accepts it', async () => {
    const client = new Redis(redis.url);
    await client.flushall();
    expect(await reasons()).toEqual(['policy.allowed', 'limit.unavailable']);
    const { decision } = await send.reserve(stack, { requestId: 'lost', call });
    expect(decision?.reasons.at(-1)?.message).toContain('has lost counts');
    await client.set('tollgate:{*}|e', 'operator|0|accepted');
    client.disconnect();
    await recovered();
  });

  it('P28 Redis accepts connections and never answers: denied by the outage policy, not after it', async () => {
    redis.freeze();
    expect(await reasons()).toEqual(['policy.allowed', 'limit.unavailable']);
    redis.thaw();
    await recovered();
  });

  it('Postgres stopped: the hard budget denies with its reason, and holds again when Postgres is back', async () => {
    await postgres.stop();
    expect(await reasons()).toEqual(['policy.allowed', 'ledger.unavailable']);
    await postgres.start();
    await recovered();
    expect(await stack.stores.verify()).toMatchObject({ kind: 'ok' });
  });

  it('Postgres frozen: the answer comes all the same', async () => {
    postgres.freeze();
    expect(await reasons()).toEqual(['policy.allowed', 'ledger.unavailable']);
    postgres.thaw();
    await recovered();
    expect(await stack.stores.verify()).toMatchObject({ kind: 'ok' });
  });

  it('both stopped: denied with the reason of the first, and recovered without a restart', async () => {
    await Promise.all([redis.stop(), postgres.stop()]);
    expect(await reasons()).toEqual(['policy.allowed', 'limit.unavailable']);
    await Promise.all([redis.start(), postgres.start()]);
    await recovered();
  });

  it('P30 a Commit without the ledger is UNAVAILABLE, and the repeat settles once', async () => {
    const { reservation } = await send.reserve(stack, { requestId: 'held', call });
    const settlement = {
      requestId: 'settled',
      tenant: 'acme',
      reservationId: reservation?.reservationId ?? '',
      usage: { costMicroUsd: 500n },
      outcome: Outcome.SUCCESS,
    };
    await postgres.stop();
    const refused = await within(
      send.commit(stack, settlement).catch((error: unknown) => error as ServiceError),
    );
    expect((refused as ServiceError).code).toBe(status.UNAVAILABLE);
    await postgres.start();
    await recovered();
    const settled = await send.commit(stack, settlement);
    expect(settled.reservation?.committedMicroUsd).toBe(500n);
    expect(await send.commit(stack, settlement)).toEqual(settled);
    expect(await stack.stores.verify()).toMatchObject({ kind: 'ok' });
  });

  it('X3 a Reserve that an outage denied returns, when repeated, the hold if it was taken and a hold if not', async () => {
    postgres.freeze();
    expect(await reasons('during-outage')).toEqual(['policy.allowed', 'ledger.unavailable']);
    postgres.thaw();
    await recovered();
    expect(await reasons('during-outage')).toEqual(['policy.allowed']);
    const again = await send.reserve(stack, { requestId: 'during-outage', call });
    expect(again.decision?.effect).toBe(Effect.ALLOW);
    expect(await stack.stores.verify()).toMatchObject({ kind: 'ok' });
  });

  it('records of denials during the outage reach the Lineage afterwards', async () => {
    await postgres.stop();
    const { decision } = await send.reserve(stack, { requestId: 'recorded', call });
    await postgres.start();
    await recovered();
    await stack.flush();
    const stored = await stack.stores.lineage.get('acme', decision?.decisionId ?? '');
    expect(stored).toMatchObject({ decision: { effect: 'deny' } });
  });
});

function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ANSWER_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
