import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';
import { loadConfiguration } from '../../src/configuration/load.ts';
import type { Snapshot } from '../../src/decision/snapshot.ts';
import type { PolicyFacts } from '../../src/policy/facts.ts';
import type { ScopeFacts } from '../../src/scope/scope.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

function example(name: string): Snapshot {
  const file = `examples/${name}.yaml`;
  const load = loadConfiguration(readFileSync(file, 'utf8'), {
    file,
    environmentDefaults: BUILT_IN_DEFAULTS,
    changedAtMs: NOW_MS,
    nowMs: NOW_MS,
    previous: undefined,
  });
  if (load.kind === 'refused') throw new Error(`${file} is refused`);
  return load.snapshot;
}

describe('examples/quickstart.yaml', () => {
  const { policies, limits, budgets, tierOf } = example('quickstart');

  const CALL: PolicyFacts = {
    tenant: 'acme',
    agent: 'copilot-hr',
    provider: 'copilot_studio',
    environment: 'production',
    user: 'alice',
    team: 'hr',
    roles: [],
    country: '',
    sourceIp: '',
    dataClassification: [],
    attributes: {},
    costMicroUsd: 0n,
    inputTokens: 0n,
    outputTokens: 0n,
    nowMs: NOW_MS,
  };
  const RESEARCH = { ...CALL, agent: 'research-llm', provider: 'azure_openai' };

  it.each([
    ['allows a call from production', CALL, 'allow', ['allow-production']],
    ['denies what no policy allows', { ...CALL, environment: 'development' }, 'deny', []],
    [
      'allows cleared data to leave',
      { ...RESEARCH, dataClassification: ['public'] },
      'allow',
      ['allow-production'],
    ],
    [
      'denies restricted data',
      { ...RESEARCH, dataClassification: ['public', 'PII'] },
      'deny',
      ['deny-restricted-data'],
    ],
    ['denies data that nobody classified', RESEARCH, 'deny', ['deny-restricted-data']],
  ])('%s', (_what, facts, effect, deciding) => {
    const verdict = policies.evaluate(facts, 'none');
    expect(verdict.effect).toBe(effect);
    expect(verdict.deciding.map(({ policyId }) => policyId)).toEqual(deciding);
  });

  const facts = (over: Partial<ScopeFacts>): ScopeFacts => {
    const plain = {
      organization: 'acme',
      team: 'hr',
      user: 'alice',
      agent: 'copilot-hr',
      provider: 'copilot_studio',
      environment: 'production',
      roles: [],
      tier: '',
      ...over,
    };
    return { ...plain, tier: tierOf(plain) };
  };
  const countersOf = (over: Partial<ScopeFacts>) =>
    limits
      .select(facts(over), 0n, NOW_MS)
      .counters.map((one) => [one.limitId, one.windows[0]!.limit]);

  it('counts the organization, the user and the agent, and widens the user by tier', () => {
    expect(countersOf({})).toEqual([
      ['acme-all', 600],
      ['per-agent', 200],
      ['per-user', 15],
    ]);
    expect(countersOf({ team: 'research' })).toContainEqual(['per-user', 45]);
  });

  it('lifts the limit per user from those on call', () => {
    expect(countersOf({ roles: ['on-call'] }).map(([id]) => id)).toEqual(['acme-all', 'per-agent']);
  });

  it('charges the organization, the team and the user together', () => {
    expect(
      budgets
        .select(facts({}))
        .accounts.map(({ budgetId, owner, soft }) => [budgetId, owner, soft]),
    ).toEqual([
      ['acme-month', 'organization:acme', false],
      ['team-day', 'team:hr', false],
      ['user-day', 'user:alice', true],
    ]);
  });
});

describe('the examples of the demonstration', () => {
  it.each([
    ['demo-unlimited', {}],
    ['demo-100-usd', { costMicroUsd: 100_000_000n }],
  ])('%s charges one hard account of the organization for good', (name, caps) => {
    const { budgets, limits, tenants } = example(name);
    expect(budgets.definitions).toMatchObject([
      { scope: ['organization'], period: 'total', soft: false, caps },
    ]);
    expect(budgets.definitions[0]!.caps).toEqual(caps);
    expect(limits.definitions).toEqual([]);
    expect(tenants.get('demo')!.agents.get('code-model')).toMatchObject({
      provider: 'azure_openai',
      model: 'gpt-4',
    });
  });
});
