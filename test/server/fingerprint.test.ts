import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/gen/tollgate/v1/call.ts';
import {
  AuthorizeRequest,
  CommitRequest,
  ExtendRequest,
  ReleaseRequest,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import type { Violation } from '../../src/server/fields.ts';
import {
  readAuthorize,
  readCommit,
  readExtend,
  readRelease,
  readReserve,
} from '../../src/server/read-request.ts';
import { authorizeRequest, CALL } from './support.ts';

/** Reads what was encoded, as the wire would bring it. */
function fingerprint(request: AuthorizeRequest): string {
  const found: Violation[] = [];
  const sent = AuthorizeRequest.decode(AuthorizeRequest.encode(request).finish());
  const command = readAuthorize(found, sent, '');
  expect(found).toEqual([]);
  return command?.fingerprint ?? '';
}

type PartialCall = NonNullable<Parameters<typeof Call.fromPartial>[0]>;
const of = (call: PartialCall): string => fingerprint(authorizeRequest(call));

const FULL: PartialCall = {
  agentVersion: 'v1',
  principal: {
    user: 'alice',
    team: 'hr',
    roles: ['admin', 'staff'],
    externalUserId: 'ext',
    email: 'alice@example.com',
    name: 'Alice',
    session: 's',
    system: 'teams',
    consent: 'privacy 3',
  },
  environment: 'production',
  origin: { country: 'DE', sourceIp: '10.0.0.1' },
  dataClassification: ['pii', 'phi'],
  attributes: { a: 1, b: { c: [1, 'x', null, true] } },
  estimate: { costMicroUsd: 5n, inputTokens: 6n, outputTokens: 7n, complexity: 1, model: 'gpt-4' },
  parentTraceId: '0af7651916cd43dd8448eb211c80319c',
};

/** One change each; all of them mean something. */
const CHANGES: readonly PartialCall[] = [
  { tenant: 'other' },
  { agent: 'other' },
  { agentVersion: '' },
  { principal: { ...FULL.principal, user: 'bob' } },
  { principal: { ...FULL.principal, team: '' } },
  { principal: { ...FULL.principal, roles: ['admin'] } },
  { principal: { ...FULL.principal, roles: [] } },
  { principal: { ...FULL.principal, system: '' } },
  { principal: { ...FULL.principal, consent: 'privacy 4' } },
  { environment: 'staging' },
  { origin: { country: 'FR', sourceIp: '10.0.0.1' } },
  { dataClassification: ['pii'] },
  { dataClassification: ['pii phi'] },
  { attributes: { a: 1, b: { c: [1, 'x', null, false] } } },
  { attributes: { a: '1', b: { c: [1, 'x', null, true] } } },
  { attributes: { a: 1 } },
  { attributes: {} },
  { estimate: { ...FULL.estimate, costMicroUsd: 0n } },
  { estimate: { ...FULL.estimate, costMicroUsd: undefined } },
  { estimate: { ...FULL.estimate, inputTokens: 0n } },
  { estimate: { ...FULL.estimate, outputTokens: 0n } },
  { estimate: { ...FULL.estimate, complexity: 3 } },
  { estimate: { ...FULL.estimate, model: '' } },
  { parentTraceId: '' },
];

/** What can be guessed must not be kept as a hash. */
const PERSONAL: readonly PartialCall[] = [
  { principal: { ...FULL.principal, externalUserId: '' } },
  { principal: { ...FULL.principal, email: 'alice@example.org' } },
  { principal: { ...FULL.principal, name: 'Bob' } },
  { principal: { ...FULL.principal, session: 't' } },
  { origin: { country: 'DE', sourceIp: '10.0.0.2' } },
];

describe('fingerprint of a request', () => {
  it('X3: is 128 bits in canonical base64url', () => {
    for (let i = 0; i < 200; i += 1) {
      const text = of({ environment: `e${i}` });
      expect(Buffer.from(text, 'base64url')).toHaveLength(16);
      expect(Buffer.from(text, 'base64url').toString('base64url')).toBe(text);
    }
  });

  it('X3: every change of a field gives another', () => {
    const all = [FULL, ...CHANGES.map((change) => ({ ...FULL, ...change }))].map(of);
    expect(new Set(all).size).toBe(CHANGES.length + 1);
  });

  it('R85: personal data is not in it', () => {
    const all = PERSONAL.map((change) => of({ ...FULL, ...change }));
    expect(new Set([...all, of(FULL)]).size).toBe(1);
  });

  it('X3: the options of a request are part of its body, its id and its trace are not', () => {
    const base = authorizeRequest(FULL);
    expect(fingerprint({ ...base, explain: true })).not.toBe(fingerprint(base));
    expect(fingerprint({ ...base, minRevision: 1n })).not.toBe(fingerprint(base));
    expect(fingerprint({ ...base, requestId: 'another' })).toBe(fingerprint(base));
    expect(readAuthorize([], base, 'a'.repeat(32))?.fingerprint).toBe(fingerprint(base));
  });

  it('X3: an absent field and its default are one body', () => {
    expect(of({ principal: {} })).toBe(of({}));
    expect(of({ origin: {} })).toBe(of({}));
    expect(of({ attributes: {} })).toBe(of({}));
    expect(of({ estimate: { inputTokens: 0n, complexity: 2 } })).toBe(of({}));
    expect(of({ origin: { country: 'de' } })).toBe(of({ origin: { country: 'DE' } }));
    const reserve = ReserveRequest.fromPartial({ requestId: 'r', call: CALL });
    const spelt = { ...reserve, holdFor: { seconds: 300n, nanos: 0 } };
    expect(readReserve([], spelt, '')?.fingerprint).toBe(readReserve([], reserve, '')?.fingerprint);
  });

  it('X3: neighbouring fields never run together', () => {
    expect(of({ agentVersion: 'a', principal: { user: '' } })).not.toBe(
      of({ agentVersion: '', principal: { user: 'a' } }),
    );
    expect(of({ principal: { roles: ['a', 'b'] } })).not.toBe(
      of({ principal: { roles: ['a b'] } }),
    );
  });

  it('X3: two orders of the same attributes are one body, different attributes are not', () => {
    const values = fc.jsonValue({ maxDepth: 3 });
    const maps = fc.dictionary(
      fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'),
      values,
      { maxKeys: 12, noNullPrototype: true },
    );
    fc.assert(
      fc.property(maps, maps, (one, other) => {
        expect(of({ attributes: reversed(one) })).toBe(of({ attributes: one }));
        const same = canonical(one) === canonical(other);
        expect(of({ attributes: one }) === of({ attributes: other })).toBe(same);
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('X3: methods and their bodies never share a fingerprint', () => {
    const ids = { requestId: 'r', tenant: 'acme', reservationId: 'res_1' };
    const commit = CommitRequest.fromPartial({ ...ids, usage: {}, outcome: 1 });
    const usage = { model: '' };
    const all = [
      readAuthorize([], authorizeRequest(), ''),
      readReserve([], ReserveRequest.fromPartial({ requestId: 'r', call: CALL }), ''),
      readReserve(
        [],
        ReserveRequest.fromPartial({ requestId: 'r', call: CALL, acceptPartial: true }),
        '',
      ),
      readReserve(
        [],
        ReserveRequest.fromPartial({ requestId: 'r', call: CALL, authorizationToken: 't' }),
        '',
      ),
      readCommit([], commit, ''),
      readCommit([], { ...commit, outcome: 2 }, ''),
      readCommit([], { ...commit, usage: { ...usage, costMicroUsd: 0n } }, ''),
      readCommit([], { ...commit, usage: { ...usage, inputTokens: 1n } }, ''),
      readCommit([], { ...commit, usage: { ...usage, outputTokens: 1n } }, ''),
      readCommit([], { ...commit, usage: { model: '1' } }, ''),
      readCommit([], { ...commit, duration: { seconds: 0n, nanos: 0 } }, ''),
      readCommit([], { ...commit, errorMessage: 'x' }, ''),
      readCommit([], { ...commit, reservationId: 'res_2' }, ''),
      readRelease([], ReleaseRequest.fromPartial(ids), ''),
      readRelease([], ReleaseRequest.fromPartial({ ...ids, reason: 'x' }), ''),
      readExtend([], ExtendRequest.fromPartial(ids), ''),
      readExtend([], ExtendRequest.fromPartial({ ...ids, addInputTokens: 1n }), ''),
      readExtend([], ExtendRequest.fromPartial({ ...ids, addOutputTokens: 1n }), ''),
      readExtend([], ExtendRequest.fromPartial({ ...ids, addCostMicroUsd: 1n }), ''),
    ].map((command) => command?.fingerprint);
    expect(all).not.toContain(undefined);
    expect(new Set(all).size).toBe(all.length);
  });
});

type Json = Record<string, unknown>;

function reversed(value: Json): Json {
  const turn = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(turn);
    return inner !== null && typeof inner === 'object' ? reversed(inner as Json) : inner;
  };
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, turn(inner)]),
  );
}

/** JSON with sorted keys, written apart from the program's own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
