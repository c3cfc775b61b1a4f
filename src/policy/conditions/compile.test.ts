import { describe, expect, it } from 'vitest';

import { NO_FACTS, type PolicyFacts } from '../facts.ts';
import { compileCondition } from './compile.ts';
import type { ConditionDefinition, PrincipalCondition } from './definition.ts';

const facts: PolicyFacts = {
  ...NO_FACTS,
  tenant: 'acme',
  agent: 'copilot',
  provider: 'copilot_studio',
  environment: 'Production',
  user: 'alice',
  team: 'hr',
  roles: ['admin', 'Auditor'],
  dataClassification: ['PII'],
  attributes: { region: 'eu', risk: 3, flag: false, list: ['eu'], nothing: null },
};

const TURNED = { true: 'false', false: 'true', unknown: 'unknown' };

describe('R36 each kind of condition', () => {
  it.each<[ConditionDefinition, 'true' | 'false' | 'unknown']>([
    [{ type: 'environment', environments: ['production'] }, 'true'],
    [{ type: 'environment', environments: ['staging', 'PRODUCTION'] }, 'true'],
    [{ type: 'environment', environments: ['staging'] }, 'false'],
    [{ type: 'provider', providers: ['Copilot_Studio'] }, 'true'],
    [{ type: 'provider', providers: ['copilot'] }, 'false'],
    [{ type: 'agent', agents: ['other', 'copilot'] }, 'true'],
    [{ type: 'agent', agents: ['other'] }, 'false'],
    [{ type: 'data_classification', tags: ['pii', 'phi'] }, 'true'],
    [{ type: 'data_classification', tags: ['phi'] }, 'false'],
    [{ type: 'attribute', name: 'region', equals: ['us', 'eu'] }, 'true'],
    [{ type: 'attribute', name: 'region', equals: ['EU'] }, 'false'],
    [{ type: 'attribute', name: 'risk', equals: [3] }, 'true'],
    [{ type: 'attribute', name: 'flag', equals: [false] }, 'true'],
    [{ type: 'attribute', name: 'flag', equals: [true] }, 'false'],
    [{ type: 'attribute', name: 'risk', equals: ['3', 4] }, 'false'],
    // Of another type than all that are asked for: it cannot be told.
    [{ type: 'attribute', name: 'risk', equals: ['3'] }, 'unknown'],
    [{ type: 'attribute', name: 'list', equals: ['eu'] }, 'unknown'],
    [{ type: 'attribute', name: 'nothing', equals: ['eu'] }, 'unknown'],
    [{ type: 'attribute', name: 'absent', equals: ['eu'] }, 'unknown'],
    [{ type: 'attribute', name: '__proto__', equals: ['eu'] }, 'unknown'],
    [{ type: 'attribute', name: 'toString', equals: ['eu'] }, 'unknown'],
  ])('%j is %s, and negate turns it round', (definition, expected) => {
    expect(compileCondition(definition).evaluate(facts)).toBe(expected);
    const turned = compileCondition({ ...definition, negate: true });
    expect(turned.evaluate(facts)).toBe(TURNED[expected]);
  });

  it.each<[ConditionDefinition, string]>([
    [{ type: 'environment', environments: ['a'] }, 'environment'],
    [{ type: 'provider', providers: ['a'] }, 'provider'],
    [{ type: 'agent', agents: ['a'] }, 'agent'],
    [{ type: 'data_classification', tags: ['a'] }, 'data_classification'],
    [{ type: 'attribute', name: 'a', equals: ['a'] }, 'attributes.a'],
  ])('R45 %j without facts is unknown and names %s', (definition, missing) => {
    for (const negate of [false, true]) {
      const condition = compileCondition({ ...definition, negate });
      expect(condition.evaluate(NO_FACTS)).toBe('unknown');
      expect(condition.missing?.(NO_FACTS) ?? condition.fact).toBe(missing);
      expect(condition.saw(NO_FACTS)).toBe('');
    }
  });
});

describe('R36 principals', () => {
  type Asked = Omit<PrincipalCondition, 'type'>;
  const compiled = (asked: Asked) => compileCondition({ type: 'principal', ...asked });

  it.each<[Asked, Partial<PolicyFacts>, string]>([
    [{ organizations: ['acme', 'globex'] }, {}, 'true'],
    [{ organizations: ['globex'] }, {}, 'false'],
    [{ organizations: ['acme'] }, { tenant: '' }, 'unknown'],
    [{ users: ['ALICE'] }, {}, 'true'],
    [{ users: ['bob'] }, {}, 'false'],
    [{ users: ['alice'] }, { user: '' }, 'unknown'],
    [{ teams: ['hr'] }, {}, 'true'],
    [{ teams: ['hr'] }, { team: '' }, 'unknown'],
    [{ roles: ['auditor'] }, {}, 'true'],
    [{ roles: ['intern'] }, {}, 'false'],
    [{ roles: ['auditor'] }, { roles: [] }, 'unknown'],
    // All lists must contain the caller's value.
    [{ organizations: ['acme'], roles: ['admin'] }, {}, 'true'],
    [{ organizations: ['globex'], roles: ['admin'] }, {}, 'false'],
    [{ organizations: ['acme'], teams: ['it'] }, {}, 'false'],
    [{ organizations: ['acme'], users: ['alice'], teams: ['hr'], roles: ['admin'] }, {}, 'true'],
    // One that does not settles it, whatever is missing beside it.
    [{ organizations: ['globex'], users: ['alice'] }, { user: '' }, 'false'],
    [{ organizations: ['acme'], users: ['alice'] }, { user: '' }, 'unknown'],
  ])('%j with %j is %s', (asked, change, expected) => {
    expect(compiled(asked).evaluate({ ...facts, ...change })).toBe(expected);
  });

  it('R49 is told in words, with what it saw, and names only what is missing', () => {
    const condition = compiled({ organizations: ['acme'], users: ['bob'], roles: ['a', 'b'] });
    expect(condition.words).toBe(
      'organization is acme and user is bob and roles contains one of a, b',
    );
    expect(condition.saw(facts)).toBe('acme and alice and admin, Auditor');
    expect(condition.missing?.({ ...facts, user: '' })).toBe('user');
    expect(condition.missing?.(NO_FACTS)).toBe('organization and user and roles');
  });
});
