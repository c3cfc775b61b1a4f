import { describe, expect, it } from 'vitest';
import type { ScopeFacts } from '../scope/scope.ts';
import {
  LimitCollection,
  type Exemption,
  type LimitDefinition,
  type LimitSet,
} from './limit-set.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const facts: ScopeFacts = {
  organization: 'acme',
  team: 'hr',
  user: 'alice',
  agent: 'copilot',
  provider: 'copilot_studio',
  environment: 'production',
  roles: ['admin'],
  tier: 'standard',
};

function limit(part: Partial<LimitDefinition>): LimitDefinition {
  return {
    id: 'per-user',
    scope: ['user'],
    match: {},
    windows: [{ lengthMs: MINUTE_MS, limit: 10 }],
    tiers: {},
    unit: 'requests',
    algorithm: 'strict',
    burstOn: 'shortest',
    localPerMille: 0,
    burstMultiplier: 1,
    onOutage: 'deny',
    ...part,
  };
}

function exemption(part: Partial<Exemption>): Exemption {
  return {
    id: 'bypass',
    match: { roles: ['admin'] },
    limits: undefined,
    untilMs: undefined,
    grantedBy: 'ops',
    reason: 'incident',
    ...part,
  };
}

function compileLimits(
  definitions: readonly LimitDefinition[],
  exemptions: readonly Exemption[],
): LimitSet {
  const collection = new LimitCollection();
  for (const definition of definitions) collection.add(definition);
  for (const one of exemptions) collection.exempt(one);
  return collection.done();
}

describe('limits of a call', () => {
  it('R21 selects a counter for every scope that matches', () => {
    const set = compileLimits(
      [
        limit({}),
        limit({ id: 'org', scope: ['organization'] }),
        limit({ id: 'all', scope: [] }),
        limit({ id: 'other', match: { teams: ['it'] } }),
      ],
      [],
    );
    expect(set.select(facts, 0n, 0).counters.map(({ limitId, scope }) => [limitId, scope])).toEqual(
      [
        ['all', 'global'],
        ['org', 'organization:acme'],
        ['per-user', 'user:alice'],
      ],
    );
  });

  it('P13 R25 a burst multiplier loosens the shortest window only', () => {
    const windows = [
      { lengthMs: DAY_MS, limit: 10 },
      { lengthMs: MINUTE_MS, limit: 10 },
    ];
    const set = compileLimits([limit({ windows, burstMultiplier: 3 })], []);
    expect(set.select(facts, 0n, 0).counters[0]?.windows).toEqual([
      { lengthMs: MINUTE_MS, limit: 30 },
      { lengthMs: DAY_MS, limit: 10 },
    ]);
  });

  it('R27 a tier picks its own windows', () => {
    const tiers = { premium: [{ lengthMs: MINUTE_MS, limit: 100 }] };
    const set = compileLimits([limit({ tiers })], []);
    const premium = set.select({ ...facts, tier: 'premium' }, 0n, 0).counters[0];
    expect(premium?.windows).toEqual([{ lengthMs: MINUTE_MS, limit: 100 }]);
    expect(set.select(facts, 0n, 0).counters[0]?.windows).toEqual([
      { lengthMs: MINUTE_MS, limit: 10 },
    ]);
  });

  it('R28 an exemption lifts its limits, says who granted it, and ends on time', () => {
    const set = compileLimits(
      [limit({}), limit({ id: 'org', scope: ['organization'] })],
      [exemption({ limits: ['per-user'], untilMs: 1_000 })],
    );
    const during = set.select(facts, 0n, 999);
    expect(during.counters.map(({ limitId }) => limitId)).toEqual(['org']);
    expect(during.exempted).toMatchObject([
      { limitId: 'per-user', scope: 'user:alice', exemption: { grantedBy: 'ops' } },
    ]);
    expect(set.select(facts, 0n, 1_000).counters).toHaveLength(2);
  });

  it('an exemption for others lifts nothing', () => {
    const set = compileLimits([limit({})], [exemption({})]);
    expect(set.select({ ...facts, roles: ['reader'] }, 0n, 0).counters).toHaveLength(1);
  });
});
