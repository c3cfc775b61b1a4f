import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import { ReservationState } from '../../src/gen/tollgate/v1/decision_service.ts';
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
limits: [{ id: org, scope: organization, windows: [{ limit: 100, per: hour }] }]
budgets: [{ id: org, scope: organization, period: total, caps: { cost_usd: '10' } }]
`;

const call = { tenant: 'acme', agent: 'copilot', estimate: { costMicroUsd: 1_000_000n } };

/** Two sidecars on one Redis and one Postgres: a repeat may reach either. */
describe('X3 every call is safe to repeat', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let first: Stack;
  let second: Stack;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedisServer()]);
    const databaseUrl = await postgres.createDatabase();
    const open = () =>
      openStack({
        configuration: CONFIGURATION,
        databaseUrl,
        redisUrl: redis.url,
        clock: systemClock,
      });
    [first, second] = await Promise.all([open(), open()]);
  });

  afterAll(async () => {
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  async function standing(): Promise<{ readonly window: number; readonly left: bigint }> {
    const { decision } = await send.authorize(first, {
      requestId: `look-${process.hrtime.bigint()}`,
      call: { ...call, estimate: { costMicroUsd: 0n } },
    });
    return {
      window: Number(decision?.rateStatus[0]?.remaining),
      left: decision?.budgetStatus[0]?.metrics[0]?.remaining ?? -1n,
    };
  }

  async function refusalOf(promise: Promise<unknown>): Promise<number | undefined> {
    try {
      await promise;
      return undefined;
    } catch (error) {
      return (error as { code?: number }).code;
    }
  }

  it('Authorize: one count, the same answer here and on the other sidecar, ALREADY_EXISTS for another body', async () => {
    const before = await standing();
    const request = { requestId: 'authorize-1', call };
    const answer = await send.authorize(first, request);
    expect(answer.decision?.effect).toBe(Effect.ALLOW);
    expect(await send.authorize(first, request)).toEqual(answer);
    const elsewhere = await send.authorize(second, request);
    expect(elsewhere.decision?.decisionId).toBe(answer.decision?.decisionId);
    expect(elsewhere.decision?.effect).toBe(Effect.ALLOW);
    expect(elsewhere.decision?.rateStatus).toEqual(answer.decision?.rateStatus);
    const other = { ...request, call: { ...call, environment: 'other' } };
    expect(await refusalOf(send.authorize(first, other))).toBe(status.ALREADY_EXISTS);
    expect(await refusalOf(send.authorize(second, other))).toBe(status.ALREADY_EXISTS);
    expect((await standing()).window).toBe(before.window - 2);
  });

  it('Reserve: one hold and one count, the same answer everywhere, also for copies at the same time', async () => {
    const before = await standing();
    const request = { requestId: 'reserve-1', call };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => send.reserve(index % 2 ? first : second, request)),
    );
    const [answer] = answers;
    expect(answer?.reservation?.state).toBe(ReservationState.OPEN);
    for (const one of answers) {
      expect(one.reservation).toEqual(answer?.reservation);
      expect(one.decision?.decisionId).toBe(answer?.decision?.decisionId);
      expect(one.decision?.effect).toBe(Effect.ALLOW);
    }
    expect(await send.reserve(first, request)).toEqual(await send.reserve(second, request));
    const other = { ...request, acceptPartial: true };
    expect(await refusalOf(send.reserve(first, other))).toBe(status.ALREADY_EXISTS);
    expect(await refusalOf(send.reserve(second, other))).toBe(status.ALREADY_EXISTS);
    const after = await standing();
    expect(after).toEqual({ window: before.window - 2, left: before.left - 1_000_000n });
  });

  it('Reserve: a denial is repeated too, and consumes nothing', async () => {
    const before = await standing();
    const request = {
      requestId: 'reserve-denied',
      call: { ...call, estimate: { costMicroUsd: 99_000_000n } },
    };
    const answer = await send.reserve(first, request);
    expect(answer.decision?.effect).toBe(Effect.DENY);
    expect(await send.reserve(first, request)).toEqual(answer);
    expect(await send.reserve(second, request)).toEqual(answer);
    expect(await standing()).toEqual({ ...before, window: before.window - 1 });
  });

  it('Extend, Commit, Release: one effect and the same answer on both sidecars', async () => {
    const { reservation: held } = await send.reserve(first, { requestId: 'life-1', call });
    const { reservation: spare } = await send.reserve(first, { requestId: 'life-2', call });
    const of = (id: string | undefined) => ({ tenant: 'acme', reservationId: id ?? '' });
    const before = await standing();

    const extension = {
      requestId: 'extend-1',
      ...of(held?.reservationId),
      addCostMicroUsd: 500_000n,
    };
    const extended = await send.extend(first, extension);
    expect(extended.reservation?.heldMicroUsd).toBe(1_500_000n);
    expect(await send.extend(first, extension)).toEqual(extended);
    expect((await send.extend(second, extension)).reservation).toEqual(extended.reservation);
    const more = { ...extension, addCostMicroUsd: 1n };
    expect(await refusalOf(send.extend(first, more))).toBe(status.ALREADY_EXISTS);
    expect(await refusalOf(send.extend(second, more))).toBe(status.ALREADY_EXISTS);

    const settlement = {
      requestId: 'commit-1',
      ...of(held?.reservationId),
      usage: { costMicroUsd: 700_000n },
      outcome: Outcome.SUCCESS,
    };
    const settled = await send.commit(second, settlement);
    expect(settled.reservation?.committedMicroUsd).toBe(700_000n);
    expect(await send.commit(second, settlement)).toEqual(settled);
    expect(await send.commit(first, settlement)).toEqual(settled);
    const dearer = { ...settlement, usage: { costMicroUsd: 700_001n } };
    expect(await refusalOf(send.commit(first, dearer))).toBe(status.ALREADY_EXISTS);
    expect(await refusalOf(send.commit(second, dearer))).toBe(status.ALREADY_EXISTS);
    const again = { ...settlement, requestId: 'commit-2' };
    expect(await refusalOf(send.commit(first, again))).toBe(status.FAILED_PRECONDITION);

    const giveBack = { requestId: 'release-1', ...of(spare?.reservationId), reason: 'not sent' };
    const released = await send.release(first, giveBack);
    expect(released.reservation?.state).toBe(ReservationState.RELEASED);
    expect(await send.release(first, giveBack)).toEqual(released);
    expect(await send.release(second, giveBack)).toEqual(released);
    const otherwise = { ...giveBack, reason: 'changed my mind' };
    expect(await refusalOf(send.release(first, otherwise))).toBe(status.ALREADY_EXISTS);
    expect(await refusalOf(send.release(second, otherwise))).toBe(status.ALREADY_EXISTS);

    const after = await standing();
    // 1.0 + 1.0 held before; 0.7 committed after.
    expect(after.left).toBe(before.left + 1_300_000n);
    expect(await first.stores.verify()).toMatchObject({ kind: 'ok' });
  });
});
