import { describe, expect, it } from 'vitest';
import type { PolicyFacts } from './facts.ts';
import type { PolicyDefinition } from './policy.ts';
import { compilePolicies } from './policy-set.ts';
import type { Combining } from './verdict.ts';

const facts: PolicyFacts = {
  tenant: 'acme',
  agent: 'copilot',
  provider: 'copilot_studio',
  environment: 'production',
  user: 'alice',
  team: 'hr',
  roles: ['admin'],
  country: 'US',
  sourceIp: '',
  dataClassification: ['PII'],
  attributes: { region: 'eu', risk: 3, nothing: null },
  costMicroUsd: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
  nowMs: 0,
};

function policy(part: Partial<PolicyDefinition>): PolicyDefinition {
  return {
    id: 'p',
    name: '',
    effect: 'allow',
    priority: 50,
    enabled: true,
    tenants: undefined,
    conditions: [],
    obligations: [],
    ...part,
  };
}

const allowProduction = policy({
  id: 'allow-production',
  conditions: [{ type: 'environment', environments: ['production'] }],
});
const denyDevelopment = policy({
  id: 'deny-development',
  effect: 'deny',
  priority: 1,
  conditions: [{ type: 'environment', environments: ['development'] }],
});

function verdict(
  policies: PolicyDefinition[],
  call: Partial<PolicyFacts> = {},
  combining: Combining = 'DENY_OVERRIDES',
) {
  const set = compilePolicies(policies, combining);
  const { effect, deciding } = set.evaluate({ ...facts, ...call }, 'none');
  return [effect, ...deciding.map(({ policyId, applies }) => `${policyId}:${applies}`)];
}

describe('R37 R41 R43 policies', () => {
  it('denies what no policy allows', () => {
    expect(verdict([])).toEqual(['deny']);
    expect(verdict([denyDevelopment])).toEqual(['deny']);
  });

  it('P23 one allow for production denies development', () => {
    expect(verdict([allowProduction], { environment: 'development' })).toEqual(['deny']);
    expect(verdict([allowProduction])).toEqual(['allow', 'allow-production:true']);
  });

  it('R45 a deny policy that cannot be evaluated denies', () => {
    expect(verdict([policy({ id: 'all' }), denyDevelopment], { environment: '' })).toEqual([
      'deny',
      'deny-development:unknown',
    ]);
  });

  it('R45 an allow policy that cannot be evaluated never allows', () => {
    expect(verdict([allowProduction], { environment: '' })).toEqual(['deny']);
  });

  it('names the missing fact', () => {
    const set = compilePolicies([denyDevelopment], 'DENY_OVERRIDES');
    const { deciding } = set.evaluate({ ...facts, environment: '' }, 'none');
    expect(deciding[0]?.conditions).toMatchObject([{ truth: 'unknown', missing: 'environment' }]);
  });

  it('R42 all conditions must hold; one that is false settles it even beside an unknown', () => {
    const both = policy({
      id: 'both',
      effect: 'deny',
      conditions: [
        { type: 'attribute', name: 'absent', equals: ['x'] },
        { type: 'provider', providers: ['third_party_agent'] },
      ],
    });
    expect(verdict([policy({ id: 'all' }), both])).toEqual(['allow', 'all:true']);
  });

  it.each([
    [{ type: 'provider', providers: ['COPILOT_studio'] }, 'true'],
    [{ type: 'agent', agents: ['copilot', 'other'] }, 'true'],
    [{ type: 'principal', roles: ['admin'], teams: ['hr'] }, 'true'],
    [{ type: 'principal', roles: ['admin'], teams: ['it'] }, 'false'],
    [{ type: 'data_classification', tags: ['pii'] }, 'true'],
    [{ type: 'data_classification', tags: ['secret'] }, 'false'],
    [{ type: 'attribute', name: 'region', equals: ['eu'] }, 'true'],
    [{ type: 'attribute', name: 'risk', equals: [1, 2] }, 'false'],
    [{ type: 'attribute', name: 'risk', equals: ['3'] }, 'unknown'],
    [{ type: 'attribute', name: 'nothing', equals: ['x'] }, 'unknown'],
    [{ type: 'attribute', name: 'constructor', equals: ['x'] }, 'unknown'],
    [{ type: 'environment', environments: ['production'], negate: true }, 'false'],
    [{ type: 'attribute', name: 'absent', equals: ['x'], negate: true }, 'unknown'],
  ] as const)('%j is %s', (condition, expected) => {
    const set = compilePolicies([policy({ conditions: [condition] })], 'DENY_OVERRIDES');
    expect(set.evaluate(facts, 'all').considered[0]?.applies).toBe(expected);
  });

  it('a disabled policy and one for another tenant take no part', () => {
    const off = policy({ id: 'off', enabled: false });
    const theirs = policy({ id: 'theirs', tenants: ['globex'] });
    expect(verdict([off, theirs])).toEqual(['deny']);
    expect(verdict([off, theirs], { tenant: 'globex' })).toEqual(['allow', 'theirs:true']);
  });
});

describe('R43 combining', () => {
  const allow = policy({ id: 'allow', priority: 10 });
  const deny = policy({ id: 'deny', effect: 'deny', priority: 20 });
  const unknownDeny = policy({
    id: 'unknown',
    effect: 'deny',
    priority: 5,
    conditions: [{ type: 'attribute', name: 'absent', equals: ['x'] }],
  });

  it.each([
    ['DENY_OVERRIDES', [allow, deny], ['deny', 'deny:true']],
    ['ALLOW_OVERRIDES', [allow, deny], ['allow', 'allow:true']],
    ['FIRST_APPLICABLE', [allow, deny], ['allow', 'allow:true']],
    ['FIRST_APPLICABLE', [allow, unknownDeny], ['deny', 'unknown:unknown']],
    ['ALLOW_OVERRIDES', [deny, unknownDeny], ['deny', 'unknown:unknown', 'deny:true']],
    ['ALLOW_OVERRIDES', [], ['deny']],
    ['FIRST_APPLICABLE', [], ['deny']],
  ] as [Combining, PolicyDefinition[], string[]][])('%s', (combining, policies, expected) => {
    expect(verdict(policies, {}, combining)).toEqual(expected);
  });

  it('orders by priority, then deny first, then id', () => {
    const set = compilePolicies(
      [
        policy({ id: 'c', priority: 2 }),
        policy({ id: 'b', priority: 2 }),
        policy({ id: 'd', priority: 2, effect: 'deny' }),
        policy({ id: 'z', priority: 1 }),
      ],
      'DENY_OVERRIDES',
    );
    expect(set.inForce('acme').map(({ id }) => id)).toEqual(['z', 'd', 'b', 'c']);
  });

  it('carries the obligations of the policies that allow, and none on a denial', () => {
    const asking = policy({
      id: 'asking',
      obligations: [{ name: 'mask_fields', parameters: { fields: ['ssn'] } }],
    });
    const set = compilePolicies([asking], 'DENY_OVERRIDES');
    expect(set.evaluate(facts, 'none').obligations).toEqual([
      { name: 'mask_fields', parameters: { fields: ['ssn'] }, source: 'asking' },
    ]);
    const denied = compilePolicies([asking, deny], 'DENY_OVERRIDES').evaluate(facts, 'none');
    expect(denied.obligations).toEqual([]);
  });
});
