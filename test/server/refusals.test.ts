import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { DecisionPoint, Refusal, SettlementRefusal } from '../../src/decision/answers.ts';
import type { QueryRefusal } from '../../src/decision/queries.ts';
import {
  CommitRequest,
  ExtendRequest,
  ReleaseRequest,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import { GetDecisionRequest } from '../../src/gen/tollgate/v1/query_service.ts';
import {
  answering,
  ask,
  authorizeRequest,
  CALL,
  failureOf,
  knowing,
  scripted,
  settling,
  startEdge,
  type FailureSeen,
  type RunningEdge,
} from './support.ts';

let edge: RunningEdge | undefined;
afterEach(() => edge?.stop());

async function refused(answers: Partial<DecisionPoint>): Promise<RunningEdge> {
  edge = await startEdge(scripted(answers).point);
  return edge;
}

const REFUSALS: readonly [Refusal, Partial<FailureSeen>][] = [
  [{ kind: 'conflict' }, { code: status.ALREADY_EXISTS, reason: 'REQUEST_ID_REUSED' }],
  [
    { kind: 'unknown_tenant' },
    {
      code: status.NOT_FOUND,
      reason: 'TENANT_UNKNOWN',
      violations: { 'call.tenant': 'must be a configured tenant' },
    },
  ],
  [
    { kind: 'stale_configuration', revision: '6-00000000' },
    {
      code: status.FAILED_PRECONDITION,
      reason: 'CONFIGURATION_STALE',
      info: { configuration_revision: '6-00000000' },
    },
  ],
  [
    { kind: 'overloaded', retryAfterMs: 250 },
    { code: status.RESOURCE_EXHAUSTED, reason: 'OVERLOADED', retryAfterMs: 250 },
  ],
];

const SETTLEMENT_REFUSALS: readonly [SettlementRefusal, Partial<FailureSeen>][] = [
  [
    { kind: 'reservation_not_found' },
    { code: status.NOT_FOUND, reason: 'RESERVATION_NOT_FOUND', violations: {} },
  ],
  [
    { kind: 'wrong_state', state: 'released' },
    {
      code: status.FAILED_PRECONDITION,
      reason: 'RESERVATION_CLOSED',
      info: { state: 'released' },
    },
  ],
  [
    { kind: 'unavailable', problem: 'connect ECONNREFUSED db.internal:5432' },
    { code: status.UNAVAILABLE, reason: 'STORE_UNAVAILABLE' },
  ],
  [
    { kind: 'unknown_tenant' },
    {
      code: status.NOT_FOUND,
      reason: 'TENANT_UNKNOWN',
      violations: { tenant: 'must be a configured tenant' },
    },
  ],
];

const ids = { requestId: 'req-2', tenant: 'acme', reservationId: 'res_1' };

describe('refusals', () => {
  it.each(REFUSALS)('X3: Authorize and Reserve say $kind in one way', async (refusal, expected) => {
    const answer = answering(refusal);
    const { client } = await refused({ authorize: answer, reserve: answer });
    const seen = await failureOf(ask(client, client.authorize, authorizeRequest()));
    expect(seen).toMatchObject(expected);
    expect(seen.details).toMatch(/^[A-Z][^.]+\.$/);
    const reserve = ReserveRequest.fromPartial({ requestId: 'r', call: CALL });
    expect(await failureOf(ask(client, client.reserve, reserve))).toEqual(seen);
  });

  it.each(SETTLEMENT_REFUSALS)(
    'X3: Commit, Release and Extend say $kind in one way',
    async (refusal, expected) => {
      const answer = settling(refusal);
      const { client } = await refused({
        commit: answer,
        release: answer,
        extend: () => Promise.resolve(refusal),
      });
      const commit = CommitRequest.fromPartial({ ...ids, usage: {}, outcome: 1 });
      const seen = await failureOf(ask(client, client.commit, commit));
      expect(seen).toMatchObject(expected);
      expect(seen.details).toMatch(/^[A-Z][^.]+\.$/);
      expect(JSON.stringify(seen)).not.toContain('db.internal');
      const release = ReleaseRequest.fromPartial(ids);
      const extend = ExtendRequest.fromPartial(ids);
      expect(await failureOf(ask(client, client.release, release))).toEqual(seen);
      expect(await failureOf(ask(client, client.extend, extend))).toEqual(seen);
    },
  );

  it.each<[QueryRefusal, number]>([
    [{ kind: 'not_found' }, status.NOT_FOUND],
    [{ kind: 'unknown_tenant' }, status.NOT_FOUND],
    [{ kind: 'unavailable', problem: 'x' }, status.UNAVAILABLE],
    [{ kind: 'overloaded', retryAfterMs: 1 }, status.RESOURCE_EXHAUSTED],
  ])('queries say $kind', async (refusal, code) => {
    const queries = knowing({ decision: () => Promise.resolve(refusal) });
    edge = await startEdge(scripted().point, { queries });
    const request = GetDecisionRequest.fromPartial({ tenant: 'acme', decisionId: 'dec_1' });
    const asked = ask(edge.queries, edge.queries.getDecision, request);
    expect(await failureOf(asked)).toMatchObject({ code });
  });

  it('a defect answers INTERNAL without its cause, and the log has the cause without personal data', async () => {
    const secret = 'duplicate key (alice@example.com) at postgres://gate:hunter2@db/tollgate';
    const running = await refused({ authorize: () => Promise.reject(new Error(secret)) });
    const seen = await failureOf(ask(running.client, running.client.authorize, authorizeRequest()));
    expect(seen).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
    expect(JSON.stringify(seen)).not.toContain('duplicate key');
    expect(running.lines).toHaveLength(1);
    const logged = JSON.stringify(running.lines);
    expect(logged).toContain('duplicate key (<e-mail>)');
    expect(logged).toContain('/tollgate.v1.DecisionService/Authorize');
    expect(logged).not.toMatch(/alice|hunter2/);
    expect(running.server.inProgress()).toBe(0);
  });

  it('a handler that throws before it promises anything is the same defect', async () => {
    const running = await refused({
      reserve: () => {
        throw new TypeError('no promise');
      },
    });
    const request = ReserveRequest.fromPartial({ requestId: 'r', call: CALL });
    const seen = await failureOf(ask(running.client, running.client.reserve, request));
    expect(seen.code).toBe(status.INTERNAL);
    expect(running.server.inProgress()).toBe(0);
  });
});
