import { describe, expect, it } from 'vitest';
import { chooseNearest, compileMatch, nearnessOf, type Match } from './match.ts';
import { scopeText, type Scope, type ScopeFacts } from './scope.ts';
import { compileTiers } from './tier.ts';

const facts: ScopeFacts = {
  organization: 'acme',
  team: 'hr',
  user: 'alice',
  agent: 'copilot',
  provider: 'copilot_studio',
  environment: 'production',
  roles: ['admin', 'reader'],
  tier: 'standard',
};

function placed(id: string, scope: Scope, match: Match) {
  return { id, nearness: nearnessOf(scope, match, 'x') };
}

function applied(definitions: ReturnType<typeof placed>[]): string[] {
  return chooseNearest(definitions)
    .filter(({ replacedBy }) => replacedBy === undefined)
    .map(({ definition }) => definition.id);
}

describe('R1 R21 scope names', () => {
  it.each([
    [[], 'global'],
    [['organization'], 'organization:acme'],
    [['user'], 'user:alice'],
    [['organization', 'team', 'agent'], 'team:hr/agent:copilot'],
    [['team', 'agent'], 'team:hr/agent:copilot'],
  ] as [Scope, string][])('%j is %s', (scope, expected) => {
    expect(scopeText(scope, facts)).toBe(expected);
  });

  it('gives all callers that leave a fact out one entity, so that leaving it out escapes nothing', () => {
    expect(scopeText(['user'], { ...facts, user: '' })).toBe('user:');
  });
});

describe('match', () => {
  it.each([
    [{}, true],
    [{ organizations: ['acme'], teams: ['it', 'hr'] }, true],
    [{ organizations: ['acme'], teams: ['it'] }, false],
    [{ roles: ['admin'] }, true],
    [{ roles: ['owner'] }, false],
    [{ tiers: ['premium'] }, false],
    [{ users: [] }, false],
  ] as [Match, boolean][])('%j matches: %s', (match, expected) => {
    expect(compileMatch(match)(facts)).toBe(expected);
  });
});

describe('R2 R22 the nearest definition wins', () => {
  it('for members: user over team over organization over everybody', () => {
    const everybody = placed('everybody', ['user'], {});
    const organization = placed('organization', ['user'], { organizations: ['acme'] });
    const team = placed('team', ['user'], { organizations: ['acme'], teams: ['hr'] });
    const user = placed('user', ['user'], { users: ['alice'] });
    expect(applied([everybody, organization, team, user])).toEqual(['user']);
    expect(applied([everybody, organization, team])).toEqual(['team']);
    expect(applied([everybody, organization])).toEqual(['organization']);
  });

  it('names the definition that replaced another', () => {
    const chosen = chooseNearest([
      placed('far', ['user'], {}),
      placed('near', ['user'], { teams: ['hr'] }),
    ]);
    expect(chosen.map(({ replacedBy }) => replacedBy)).toEqual(['near', undefined]);
  });

  it('R26 replaces the default of an agent by the definition for that agent', () => {
    expect(
      applied([
        placed('default', ['agent'], {}),
        placed('own', ['agent'], { agents: ['copilot'] }),
      ]),
    ).toEqual(['own']);
  });

  it('keeps a limit for one agent beside the limit for the whole organization', () => {
    expect(
      applied([
        placed('all', ['organization'], {}),
        placed('one', ['organization'], { agents: ['copilot'] }),
      ]),
    ).toEqual(['all', 'one']);
  });

  it('charges every level: definitions of different scopes never replace each other', () => {
    expect(applied([placed('org', ['organization'], {}), placed('user', ['user'], {})])).toEqual([
      'org',
      'user',
    ]);
  });

  it('keeps all definitions that are equally near', () => {
    expect(applied([placed('a', ['user'], {}), placed('b', ['user'], {})])).toEqual(['a', 'b']);
  });
});

describe('R27 tiers', () => {
  const tierOf = compileTiers([
    { id: 'premium', match: { teams: ['hr'] } },
    { id: 'trial', match: { organizations: ['acme'] } },
  ]);

  it('gives the first tier that matches', () => {
    expect(tierOf(facts)).toBe('premium');
    expect(tierOf({ ...facts, team: 'it' })).toBe('trial');
  });

  it('gives "standard" to everybody else', () => {
    expect(tierOf({ ...facts, organization: 'other', team: '' })).toBe('standard');
  });
});
