import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/decision/snapshot.ts';
import type { ScopeFacts } from '../../src/scope/scope.ts';
import {
  BUILT_IN_DEFAULTS,
  type EnvironmentDefaults,
} from '../../src/configuration/environment-defaults.ts';
import { loadConfiguration } from '../../src/configuration/load.ts';
import { problemText } from '../../src/configuration/problem.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

const HEAD = `version: 1
tenants: [{ id: acme }, { id: beta, agents: [bot] }]
agents:
  - { id: bot, provider: azure_openai, model: gpt-4 }
  - { id: other-bot, provider: other, tenants: [acme], enabled: false }
`;

function compiled(text: string, environment: Partial<EnvironmentDefaults> = {}): Snapshot {
  const load = loadConfiguration(HEAD + text, {
    file: 't.yaml',
    environmentDefaults: { ...BUILT_IN_DEFAULTS, ...environment },
    changedAtMs: NOW_MS,
    nowMs: NOW_MS,
    previous: undefined,
  });
  if (load.kind === 'refused') throw new Error(load.problems.map(problemText).join('\n'));
  return load.snapshot;
}

const FACTS: ScopeFacts = {
  organization: 'acme',
  team: 'hr',
  user: 'alice',
  agent: 'bot',
  provider: 'azure_openai',
  environment: 'production',
  roles: ['admin'],
  tier: 'standard',
};

const capped = (caps: string): string =>
  `budgets:\n  - { id: b, scope: user, period: daily, caps: { ${caps} } }`;
const capsOf = (caps: string) => compiled(capped(caps)).budgets.definitions[0]?.caps;

describe('money in a configuration', () => {
  it.each([
    ['0.30', 300_000n],
    ['"0.30"', 300_000n],
    ['0.1', 100_000n],
    ['0.000001', 1n],
    ['123456789012.345678', 123_456_789_012_345_678n],
    ['"$5"', 5_000_000n],
    ['100', 100_000_000n],
    ['+0', 0n],
    ['0.10', 100_000n],
  ])(
    'P15: %s dollars are exactly %s micro-USD, never through floating point (R3)',
    (written, micro) => {
      expect(capsOf(`cost_usd: ${written}`)).toEqual({ costMicroUsd: micro });
    },
  );

  it('P15: a cap of 0 stays a cap, so that it blocks', () => {
    expect(capsOf('cost_usd: 0, invocations: 0')).toEqual({ costMicroUsd: 0n, invocations: 0n });
  });

  it.each(['null', '-1', '~'])('%s caps nothing, so that spend is only tracked', (written) => {
    expect(capsOf(`cost_usd: ${written}, total_tokens: ${written}`)).toEqual({});
  });
});

describe('a compiled configuration', () => {
  it('gives a tenant the agents that both sides agree on', () => {
    const { tenants } = compiled('');
    const callable = (tenant: string): readonly string[] =>
      ['bot', 'other-bot', 'unknown'].filter((id) => tenants.get(tenant)!.agents.get(id));
    expect(callable('acme')).toEqual(['bot', 'other-bot']);
    expect(callable('beta')).toEqual(['bot']);
    expect(tenants.get('acme')!.agents.get('other-bot')).toEqual({
      id: 'other-bot',
      name: 'other-bot',
      provider: 'other',
      version: '',
      model: '',
      enabled: false,
    });
  });

  it('merges prices over the built-in ones (R50)', () => {
    const { prices } = compiled(
      'prices: { version: v2, platforms: { mine: 0.07 }, per_1000_tokens: { gpt-4: "0.06" }, complexity: { simple: 0.25 }, buffer: 12.5%, default_cost: 0.5 }',
    );
    expect(prices.version).toBe('v2');
    expect(prices.platforms).toMatchObject({ mine: 70_000n, copilot_studio: 50_000n });
    expect(prices.per1000Tokens).toMatchObject({ 'gpt-4': 60_000n, 'gpt-4-turbo': 10_000n });
    expect(prices.complexityPerMille).toEqual({ simple: 250n, standard: 1000n, complex: 2000n });
    expect(prices.bufferPerMille).toBe(125n);
    expect(prices.defaultCostMicroUsd).toBe(500_000n);
  });

  it('reads windows of every length, tiers, burst and outage policy (R23)', () => {
    const { limits, tierOf } = compiled(`
tiers: [{ id: gold, match: { roles: [admin] } }]
limits:
  - id: l
    scope: [agent, team]
    windows: [{ limit: 5, per: second }, { limit: 9, per: 90s }, { limit: 20, per: 6h }, { limit: 99, per: 30d }]
    tiers: { gold: [{ limit: 7, per: minute }] }
    burst_multiplier: 1.5
    on_outage: allow`);
    expect(limits.definitions[0]).toEqual({
      id: 'l',
      scope: ['team', 'agent'],
      match: {},
      unit: 'requests',
      algorithm: 'strict',
      windows: [
        { lengthMs: 1000, limit: 5 },
        { lengthMs: 90_000, limit: 9 },
        { lengthMs: 21_600_000, limit: 20 },
        { lengthMs: 2_592_000_000, limit: 99 },
      ],
      tiers: { gold: [{ lengthMs: 60_000, limit: 7 }] },
      burstMultiplier: 1.5,
      burstOn: 'shortest',
      onOutage: 'allow',
      localPerMille: 0,
      shadow: false,
    });
    expect(tierOf({ ...FACTS, tier: '' })).toBe('gold');
  });

  it('reads units, algorithms, presets and local shares (R20, R24, R25, R33, R35)', () => {
    const { limits } = compiled(`
limits:
  - { id: a, scope: user, unit: tokens, algorithm: weighted, windows: [{ limit: 5, per: minute }] }
  - { id: b, scope: user, unit: concurrency, windows: [{ limit: 5, per: 10m }], burst_on: all }
  - { id: c, scope: team, preset: critical_services, on_outage: local, local_share: 25% }
  - { id: d, scope: agent, algorithm: token_bucket, windows: [{ limit: 5, per: second, burst: 9 }] }`);
    expect(limits.settlesLater).toBe(true);
    expect(limits.definitions).toMatchObject([
      { unit: 'tokens', algorithm: 'weighted' },
      { unit: 'concurrency', algorithm: 'leases', burstMultiplier: 1, burstOn: 'all' },
      {
        unit: 'requests',
        algorithm: 'strict',
        windows: [{ limit: 200 }, { limit: 10_000 }, { limit: 100_000 }],
        burstMultiplier: 3,
        onOutage: 'local',
        localPerMille: 250,
      },
      { algorithm: 'token_bucket', windows: [{ lengthMs: 1000, limit: 5, burst: 9 }] },
    ]);
  });

  it('has the thresholds of the documents unless told otherwise (R10, R11)', () => {
    expect(compiled(capped('cost_usd: 1')).budgets.definitions[0]).toMatchObject({
      timeZone: 'UTC',
      soft: false,
      warnPerMille: 800,
      degradePerMille: 900,
      alertPerMille: [500, 750, 800, 900, 950, 1000],
    });
  });

  it('R8 carries over what a budget says, and nothing unless it says so', () => {
    const rolling = capped('cost_usd: 10, invocations: 5').replace(
      'caps:',
      'rollover: { cost_usd: 2.5 }, caps:',
    );
    expect(compiled(rolling).budgets.definitions[0]?.rollover).toEqual({
      costMicroUsd: 2_500_000n,
    });
    expect(compiled(capped('cost_usd: 10')).budgets.definitions[0]?.rollover).toEqual({});
  });

  it('R19 takes what is suggested for a kind of provider, unless it says otherwise', () => {
    expect(capsOf('suggested_for: copilot_studio')).toEqual({ costMicroUsd: 50_000_000n });
    expect(capsOf('suggested_for: webhook, invocations: 7')).toEqual({
      costMicroUsd: 5_000_000n,
      invocations: 7n,
    });
    expect(capsOf('suggested_for: third_party_agent, cost_usd: 3')).toEqual({
      costMicroUsd: 3_000_000n,
    });
  });

  it('keeps conditions, obligations and tenants of a policy as they are written', () => {
    const { policies } = compiled(`
policies:
  - id: p
    effect: allow
    tenants: [acme]
    conditions: [{ type: attribute, name: score, equals: [0.5, 1, high, true], negate: true }]
    obligations: [{ name: redact, parameters: { fields: [email], share: 0.5 } }]`);
    expect(policies.inForce('beta')).toEqual([]);
    const [policy] = policies.inForce('acme');
    expect(policy?.conditions.map(({ words }) => words)).toEqual([
      'not (attribute score is one of 0.5, 1, high, true)',
    ]);
    expect(policy?.obligations).toEqual([
      { name: 'redact', parameters: { fields: ['email'], share: 0.5 } },
    ]);
  });

  it('cannot be changed', () => {
    const { prices, limits, budgets } = compiled('defaults: {}');
    for (const part of [
      prices,
      prices.platforms,
      limits.definitions,
      budgets.definitions[0]?.caps,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('what the environment says where the file is silent', () => {
  const SILENT = `limits: [{ id: l, scope: user, windows: [{ limit: 1, per: day }] }]\n${capped('cost_usd: 1')}`;

  it('fills in outage policy, burst, thresholds, combining and default cost (R72)', () => {
    const { limits, budgets, policies, prices } = compiled(SILENT, {
      onOutage: 'allow',
      burstMultiplier: 2,
      warnPerMille: 600,
      degradePerMille: 700,
      combining: 'FIRST_APPLICABLE',
      defaultCostMicroUsd: 70_000n,
    });
    expect(limits.definitions[0]).toMatchObject({ onOutage: 'allow', burstMultiplier: 2 });
    expect(budgets.definitions[0]).toMatchObject({ warnPerMille: 600, degradePerMille: 700 });
    expect(policies.combining).toBe('FIRST_APPLICABLE');
    expect(prices.defaultCostMicroUsd).toBe(70_000n);
  });

  it('yields to what the file says', () => {
    const said = SILENT.replace('scope: user', 'scope: user, on_outage: deny, burst_multiplier: 1');
    const { limits, policies } = compiled(`combining: ALLOW_OVERRIDES\n${said}`, {
      onOutage: 'allow',
      burstMultiplier: 2,
      combining: 'FIRST_APPLICABLE',
    });
    expect(limits.definitions[0]).toMatchObject({ onOutage: 'deny', burstMultiplier: 1 });
    expect(policies.combining).toBe('ALLOW_OVERRIDES');
  });

  it('is part of the revision, so that one revision never stands for two sets of rules', () => {
    const [, plain] = compiled(SILENT).revision.split('-');
    const [, opened] = compiled(SILENT, { onOutage: 'allow' }).revision.split('-');
    expect(opened).not.toBe(plain);
  });
});

describe('defaults for agents (R17)', () => {
  const budgetsOf = ({ budgets }: Snapshot, facts = FACTS) =>
    budgets.select(facts).accounts.map(({ budgetId, owner, caps }) => [budgetId, owner, caps]);

  it('are not in force unless somebody asks for them', () => {
    const snapshot = compiled('');
    expect(snapshot.limits.definitions).toEqual([]);
    expect(snapshot.budgets.definitions).toEqual([]);
  });

  it.each([
    ['a section of the file', 'defaults: {}', {}],
    ['a variable', '', { agentDefaultsInForce: true }],
  ])('are in force through %s, with the figures of the documents', (_what, text, environment) => {
    const snapshot = compiled(text, environment);
    expect(snapshot.limits.select(FACTS, 0n, NOW_MS).counters).toMatchObject([
      {
        limitId: 'default.agent',
        scope: 'agent:bot',
        windows: [
          { lengthMs: 60_000, limit: 10 },
          { lengthMs: 3_600_000, limit: 100 },
          { lengthMs: 86_400_000, limit: 500 },
        ],
      },
    ]);
    expect(budgetsOf(snapshot)).toEqual([
      ['default.agent.daily', 'agent:bot', { costMicroUsd: 10_000_000n }],
      ['default.agent.monthly', 'agent:bot', { costMicroUsd: 100_000_000n }],
    ]);
  });

  it('are replaced by what names the agent, for that agent alone', () => {
    const snapshot = compiled(`
defaults: { monthly_budget_usd: 200, requests_per_day: null }
limits: [{ id: near, scope: agent, match: { agents: [bot] }, windows: [{ limit: 50, per: minute }] }]
budgets: [{ id: near-month, scope: agent, match: { agents: [bot] }, period: monthly, caps: { cost_usd: 500 } }]`);
    const other = { ...FACTS, agent: 'other-bot' };
    const limitsOf = (facts: ScopeFacts) =>
      snapshot.limits
        .select(facts, 0n, NOW_MS)
        .counters.map(({ limitId, windows }) => [limitId, windows.length]);
    expect(limitsOf(FACTS)).toEqual([['near', 1]]);
    expect(limitsOf(other)).toEqual([['default.agent', 2]]);
    expect(budgetsOf(snapshot).map(([id]) => id)).toEqual(['default.agent.daily', 'near-month']);
    expect(budgetsOf(snapshot, other)).toEqual([
      ['default.agent.daily', 'agent:other-bot', { costMicroUsd: 10_000_000n }],
      ['default.agent.monthly', 'agent:other-bot', { costMicroUsd: 200_000_000n }],
    ]);
  });
});
