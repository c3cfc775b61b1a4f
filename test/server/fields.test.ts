import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuthorizeCommand, CommitCommand, ExtendCommand } from '../../src/decision/call.ts';
import { Call, Outcome } from '../../src/gen/tollgate/v1/call.ts';
import {
  AuthorizeRequest,
  CommitRequest,
  ExtendRequest,
  ReleaseRequest,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import {
  GetBudgetStatusRequest,
  GetDecisionRequest,
  GetRateStatusRequest,
  GetReservationRequest,
  ListDecisionsRequest,
  ListPoliciesRequest,
  ListViolationsRequest,
} from '../../src/gen/tollgate/v1/query_service.ts';
import { ask, askRaw, authorizeRequest, CALL, failureOf, scripted, startEdge } from './support.ts';
import type { RunningEdge } from './support.ts';

const { point, commands } = scripted();
let edge: RunningEdge;
beforeAll(async () => {
  edge = await startEdge(point);
});
afterAll(() => edge.stop());

type PartialCall = NonNullable<Parameters<typeof Call.fromPartial>[0]>;

const many = (text: string): string[] => Array.from({ length: 33 }, () => text);
const LONG = 'x'.repeat(129);
const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });

/** One wrong field each: proto path, call, and what is asked of the field. */
const WRONG_CALLS: readonly [string, PartialCall, RegExp][] = [
  ['call.tenant', { tenant: '' }, /is required/],
  ['call.tenant', { tenant: 'no spaces' }, /must be 1 to 128 characters/],
  ['call.tenant', { tenant: LONG }, /must be 1 to 128 characters/],
  ['call.agent', { agent: '' }, /is required/],
  ['call.agent', { agent: 'a/b' }, /must be 1 to 128 characters/],
  ['call.agent_version', { agentVersion: LONG }, /at most 128 characters/],
  ['call.environment', { environment: 'a\nb' }, /control characters/],
  ['call.principal.user', { principal: { user: 'a/b' } }, /slash/],
  ['call.principal.team', { principal: { team: 'a\u0000' } }, /control characters/],
  ['call.principal.roles[1]', { principal: { roles: ['a', ''] } }, /must not be empty/],
  ['call.principal.roles[3]', { principal: { roles: ['a', 'b', 'c', LONG] } }, /at most 128/],
  ['call.principal.roles', { principal: { roles: many('r') } }, /at most 32 entries/],
  ['call.principal.system', { principal: { system: LONG } }, /at most 128/],
  ['call.principal.email', { principal: { email: 'x'.repeat(321) } }, /at most 320/],
  ['call.principal.name', { principal: { name: 'x'.repeat(257) } }, /at most 256/],
  ['call.principal.session', { principal: { session: '\u0007' } }, /control characters/],
  ['call.principal.external_user_id', { principal: { externalUserId: '\t' } }, /control/],
  ['call.principal.consent', { principal: { consent: 'x'.repeat(257) } }, /at most 256/],
  ['call.origin.country', { origin: { country: 'DEU' } }, /two letters/],
  ['call.origin.source_ip', { origin: { sourceIp: '10.0.0.256' } }, /IPv4 or IPv6/],
  ['call.data_classification', { dataClassification: many('p') }, /at most 32/],
  ['call.data_classification[0]', { dataClassification: [''] }, /must not be empty/],
  ['call.attributes', { attributes: deep(9) as never }, /at most 8 levels deep/],
  ['call.attributes', { attributes: { a: 'x'.repeat(16_384) } }, /at most 16384 bytes/],
  ['call.attributes', { attributes: { a: NaN } }, /finite numbers/],
  ['call.attributes', { attributes: { a: [[[[[[[[1]]]]]]]] } }, /at most 8 levels deep/],
  [
    'call.attributes',
    { attributes: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, i])) },
    /at most 64 entries/,
  ],
  ['call.estimate.cost_micro_usd', { estimate: { costMicroUsd: -1n } }, /not be negative/],
  ['call.estimate.cost_micro_usd', { estimate: { costMicroUsd: 10n ** 15n + 1n } }, /at most/],
  ['call.estimate.input_tokens', { estimate: { inputTokens: -1n } }, /not be negative/],
  ['call.estimate.output_tokens', { estimate: { outputTokens: 10n ** 12n + 1n } }, /at most/],
  ['call.estimate.complexity', { estimate: { complexity: 9 as never } }, /known complexity/],
  ['call.estimate.model', { estimate: { model: LONG } }, /at most 128/],
  ['call.parent_trace_id', { parentTraceId: 'ABC' }, /32 lower-case/],
];

describe('wrong fields of a call', () => {
  it.each(WRONG_CALLS)('P15: %s is named in INVALID_ARGUMENT', async (field, call, rule) => {
    const before = commands.length;
    const seen = await failureOf(ask(edge.client, edge.client.authorize, authorizeRequest(call)));
    expect(seen.code).toBe(status.INVALID_ARGUMENT);
    expect(Object.keys(seen.violations)).toEqual([field]);
    expect(seen.violations[field]).toMatch(rule);
    expect(commands.length).toBe(before);
  });

  it('lists every wrong field at once, and never its value', async () => {
    const request = AuthorizeRequest.fromPartial({
      minRevision: -1n,
      call: { principal: { email: `secret-person@${'x'.repeat(400)}`, user: 'a/b' } },
    });
    const seen = await failureOf(ask(edge.client, edge.client.authorize, request));
    expect(Object.keys(seen.violations).sort()).toEqual([
      'call.agent',
      'call.principal.email',
      'call.principal.user',
      'call.tenant',
      'min_revision',
      'request_id',
    ]);
    expect(JSON.stringify(seen)).not.toContain('secret-person');
  });

  it('keeps the answer small however much is wrong', async () => {
    const bad = many('\u0001').slice(1);
    const request = authorizeRequest({ principal: { roles: bad }, dataClassification: bad });
    const seen = await failureOf(ask(edge.client, edge.client.authorize, request));
    expect(Object.keys(seen.violations)).toHaveLength(60);
    expect(seen.details).toContain('and 61 more');
  });
});

const settlement = { requestId: 'req-1', tenant: 'acme', reservationId: 'res_1' };
const commit = CommitRequest.fromPartial({
  ...settlement,
  usage: {},
  outcome: Outcome.SUCCESS,
});

describe('wrong fields of the other requests', () => {
  it.each([
    ['request_id', { requestId: '' }],
    ['call', { call: undefined }],
    ['hold_for', { holdFor: { seconds: 0n, nanos: 0 } }],
    ['hold_for', { holdFor: { seconds: -1n, nanos: 0 } }],
    ['hold_for', { holdFor: { seconds: 1n, nanos: -5 } }],
    ['hold_for', { holdFor: { seconds: 1n, nanos: 1_000_000_000 } }],
    ['hold_for', { holdFor: { seconds: 86_401n, nanos: 0 } }],
    ['authorization_token', { authorizationToken: 'x'.repeat(2_049) }],
    ['min_revision', { minRevision: -1n }],
  ])('Reserve names %s', async (field, wrong) => {
    const request = { ...ReserveRequest.fromPartial({ requestId: 'r', call: CALL }), ...wrong };
    const seen = await failureOf(ask(edge.client, edge.client.reserve, request));
    expect(seen.code).toBe(status.INVALID_ARGUMENT);
    expect(Object.keys(seen.violations)).toEqual([field]);
  });

  it.each([
    ['request_id', { requestId: 'a b' }],
    ['tenant', { tenant: '' }],
    ['reservation_id', { reservationId: '' }],
    ['usage', { usage: undefined }],
    ['usage.cost_micro_usd', { usage: { costMicroUsd: -1n, model: '' } }],
    ['usage.input_tokens', { usage: { inputTokens: -1n, model: '' } }],
    ['usage.output_tokens', { usage: { outputTokens: 2n ** 62n, model: '' } }],
    ['usage.model', { usage: { model: LONG } }],
    ['outcome', { outcome: Outcome.UNSPECIFIED }],
    ['outcome', { outcome: 77 as never }],
    ['duration', { duration: { seconds: -1n, nanos: 0 } }],
    ['duration', { duration: { seconds: 2_592_001n, nanos: 0 } }],
    ['error_message', { errorMessage: 'x'.repeat(1_025) }],
  ])('Commit names %s', async (field, wrong) => {
    const seen = await failureOf(ask(edge.client, edge.client.commit, { ...commit, ...wrong }));
    expect(seen.code).toBe(status.INVALID_ARGUMENT);
    expect(Object.keys(seen.violations)).toEqual([field]);
  });

  it.each([
    ['tenant', { tenant: '' }],
    ['reason', { reason: 'x'.repeat(1_025) }],
  ])('Release names %s', async (field, wrong) => {
    const request = { ...ReleaseRequest.fromPartial(settlement), ...wrong };
    const seen = await failureOf(ask(edge.client, edge.client.release, request));
    expect(Object.keys(seen.violations)).toEqual([field]);
  });

  it.each([
    ['add_cost_micro_usd', { addCostMicroUsd: -1n }],
    ['add_input_tokens', { addInputTokens: -1n }],
    ['add_output_tokens', { addOutputTokens: 2n ** 60n }],
    ['hold_for', { holdFor: { seconds: 0n, nanos: 0 } }],
  ])('Extend names %s', async (field, wrong) => {
    const request = { ...ExtendRequest.fromPartial(settlement), ...wrong };
    const seen = await failureOf(ask(edge.client, edge.client.extend, request));
    expect(Object.keys(seen.violations)).toEqual([field]);
  });

  it('queries name their wrong fields', async () => {
    const { queries } = edge;
    const seen = await Promise.all([
      failureOf(ask(queries, queries.getRateStatus, GetRateStatusRequest.fromPartial({}))),
      failureOf(
        ask(
          queries,
          queries.getBudgetStatus,
          GetBudgetStatusRequest.fromPartial({ budgetId: ' ', pageSize: 1_001 }),
        ),
      ),
      failureOf(ask(queries, queries.getReservation, GetReservationRequest.fromPartial({}))),
      failureOf(ask(queries, queries.getDecision, GetDecisionRequest.fromPartial({}))),
      failureOf(
        ask(
          queries,
          queries.listDecisions,
          ListDecisionsRequest.fromPartial({
            tenant: 'acme',
            effect: 5 as never,
            from: new Date(2_000),
            to: new Date(1_000),
            pageSize: -1,
            pageToken: 'x'.repeat(1_025),
          }),
        ),
      ),
      failureOf(ask(queries, queries.listPolicies, ListPoliciesRequest.fromPartial({}))),
      failureOf(
        ask(queries, queries.listViolations, ListViolationsRequest.fromPartial({ limitId: ' ' })),
      ),
    ]);
    expect(seen.map(({ violations }) => Object.keys(violations))).toEqual([
      ['call'],
      ['tenant', 'budget_id', 'page_size'],
      ['tenant', 'reservation_id'],
      ['tenant', 'decision_id'],
      ['effect', 'to', 'page_size', 'page_token'],
      ['tenant'],
      ['tenant', 'limit_id'],
    ]);
  });
});

describe('what a good request becomes', () => {
  it('absent fields become their documented defaults', async () => {
    await ask(edge.client, edge.client.authorize, authorizeRequest());
    const command = commands.at(-1) as AuthorizeCommand;
    expect(command).toMatchObject({ tenant: 'acme', requestId: 'req-1', explain: false });
    expect(command.call).toMatchObject({
      user: '',
      team: '',
      roles: [],
      country: '',
      attributes: {},
      estimate: {
        costMicroUsd: undefined,
        inputTokens: 0n,
        outputTokens: 0n,
        complexity: 'standard',
        model: '',
      },
    });
    await ask(edge.client, edge.client.reserve, {
      ...ReserveRequest.fromPartial({ requestId: 'req-1', call: CALL }),
    });
    expect(commands.at(-1)).toMatchObject({ holdForMs: 300_000, acceptPartial: false });
    await ask(edge.client, edge.client.commit, commit);
    const committed = commands.at(-1) as CommitCommand;
    expect(committed.durationMs).toBeUndefined();
    expect(committed.usage.costMicroUsd).toBeUndefined();
    await ask(edge.client, edge.client.extend, ExtendRequest.fromPartial(settlement));
    const extended = commands.at(-1) as ExtendCommand;
    expect(extended.holdForMs).toBeUndefined();
    expect(extended.add).toEqual({
      costMicroUsd: 0n,
      inputTokens: 0n,
      outputTokens: 0n,
      invocations: 0n,
    });
  });

  it('every field arrives, at its bound', async () => {
    const call: PartialCall = {
      agentVersion: 'v2',
      principal: {
        user: 'x'.repeat(128),
        team: 'hr',
        roles: many('admin').slice(1),
        externalUserId: '29:1abc',
        email: 'a@b.c',
        name: 'Zoë O’Hara',
        session: 's-1',
        system: 'teams',
      },
      environment: 'production',
      origin: { country: 'de', sourceIp: '2001:db8::1' },
      dataClassification: ['pii'],
      attributes: deep(8) as never,
      estimate: {
        costMicroUsd: 10n ** 15n,
        inputTokens: 10n ** 12n,
        outputTokens: 0n,
        complexity: 3,
        model: 'gpt-4',
      },
      parentTraceId: '0af7651916cd43dd8448eb211c80319c',
    };
    await ask(edge.client, edge.client.authorize, authorizeRequest(call));
    const command = commands.at(-1) as AuthorizeCommand;
    expect(command.call).toMatchObject({
      agentVersion: 'v2',
      user: 'x'.repeat(128),
      country: 'DE',
      sourceIp: '2001:db8::1',
      attributes: deep(8),
      estimate: { costMicroUsd: 10n ** 15n, complexity: 'complex', model: 'gpt-4' },
      personal: { externalUserId: '29:1abc', email: 'a@b.c', name: 'Zoë O’Hara', session: 's-1' },
    });
  });

  it('an error text with control characters settles: they are replaced, lines are kept', async () => {
    const errorMessage = 'boom\u0000\u001b[31m\nat line\t1';
    await ask(edge.client, edge.client.commit, { ...commit, errorMessage });
    const committed = commands.at(-1) as CommitCommand;
    expect(committed.errorMessage).toBe('boom\uFFFD\uFFFD[31m\nat line\t1');
  });

  it('attributes inherit nothing, whatever they are called', async () => {
    const attributes = { constructor: 'c', toString: 1, nested: { hasOwnProperty: true } };
    await ask(edge.client, edge.client.authorize, authorizeRequest({ attributes }));
    const { call } = commands.at(-1) as AuthorizeCommand;
    expect(Object.getPrototypeOf(call.attributes)).toBeNull();
    expect(Object.getPrototypeOf(call.attributes.nested)).toBeNull();
    expect(call.attributes.constructor).toBe('c');
    expect(call.attributes.valueOf).toBeUndefined();
    await ask(edge.client, edge.client.authorize, authorizeRequest());
    expect((commands.at(-1) as AuthorizeCommand).call.attributes.toString).toBeUndefined();
  });

  it('an attribute called __proto__ gives nothing to anybody', async () => {
    const attributes = Buffer.concat([
      entry('__proto__', mapValue(entry('admin', TRUE))),
      entry('a', mapValue(entry('__proto__', mapValue(entry('admin', TRUE))))),
    ]);
    const plain = AuthorizeRequest.encode(authorizeRequest()).finish();
    const call = Call.encode(CALL).finish();
    const request = Buffer.concat([plain, field(2, Buffer.concat([call, field(7, attributes)]))]);
    await askRaw(edge, request);
    const command = commands.at(-1) as AuthorizeCommand;
    expect(command.call.attributes.admin).toBeUndefined();
    expect((command.call.attributes.a as Record<string, unknown>).admin).toBeUndefined();
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});

/** Bytes of google.protobuf.Struct that the generated encoder would not write. */
const TRUE = Buffer.from([0x20, 1]);
const field = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
const entry = (key: string, value: Uint8Array): Buffer =>
  field(1, Buffer.concat([field(1, Buffer.from(key)), field(2, value)]));
const mapValue = (entries: Uint8Array): Buffer => field(5, entries);
