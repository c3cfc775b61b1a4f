import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Call } from './call.ts';
import { grantTokens } from './grant-token.ts';

const call: Call = {
  tenant: 'acme',
  agent: 'copilot',
  agentVersion: '',
  user: 'alice',
  team: 'hr',
  roles: ['admin'],
  system: '',
  environment: 'production',
  country: '',
  sourceIp: '',
  dataClassification: [],
  attributes: { a: 1, b: { c: [2], d: 3 } },
  estimate: {
    costMicroUsd: 100n,
    inputTokens: 1n,
    outputTokens: 2n,
    complexity: 'standard',
    model: '',
  },
  parentTraceId: '',
  consent: '',
  personal: { externalUserId: '', email: '', name: '', session: '' },
};
const claims = { decisionId: 'dec_1', expiresAtMs: 1_000 };

describe('grant tokens', () => {
  const tokens = grantTokens(randomBytes(32));
  const token = tokens.sign(call, claims);

  it('vouch for the same call until they expire', () => {
    expect(tokens.verify(call, token, 999)).toEqual(claims);
    expect(tokens.verify(call, token, 1_000)).toBeUndefined();
  });

  it('do not depend on the order in which attributes were sent', () => {
    const reordered = { ...call, attributes: { b: { d: 3, c: [2] }, a: 1 } };
    expect(tokens.verify(reordered, token, 0)).toEqual(claims);
  });

  it.each([
    ['tenant', { tenant: 'globex' }],
    ['agent', { agent: 'other' }],
    ['user', { user: 'bob' }],
    ['roles', { roles: [] }],
    ['environment', { environment: 'development' }],
    ['attributes', { attributes: { a: 1, b: { c: [2], d: 4 } } }],
    ['estimate', { estimate: { ...call.estimate, costMicroUsd: 101n } }],
    ['absent estimate', { estimate: { ...call.estimate, costMicroUsd: undefined } }],
  ])('are worth nothing for a call with another %s', (_what, part) => {
    expect(tokens.verify({ ...call, ...part }, token, 0)).toBeUndefined();
  });

  it.each(['', '.', 'dec_1.1000.', 'dec_1.9999.AAAA', 'a.b.c.d', 'x'.repeat(10_000)])(
    'refuse %j',
    (forged) => {
      expect(tokens.verify(call, forged, 0)).toBeUndefined();
    },
  );

  it('refuse a longer life, another decision and another key', () => {
    expect(tokens.verify(call, token.replace('.1000.', '.2000.'), 0)).toBeUndefined();
    expect(tokens.verify(call, token.replace('dec_1', 'dec_2'), 0)).toBeUndefined();
    expect(grantTokens(randomBytes(32)).verify(call, token, 0)).toBeUndefined();
  });
});
