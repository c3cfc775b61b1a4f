import { describe, expect, it } from 'vitest';

import { attributesIn, onlyAsked } from './asked-attributes.ts';
import type { ConditionDefinition } from './conditions/definition.ts';
import { compilePolicies } from './policy-set.ts';

const attribute = (name: string) => ({ type: 'attribute', name, equals: ['x'] }) as const;
const cel = (expression: string) => ({ type: 'cel', expression }) as const;

describe('attributes that a condition asks for', () => {
  it.each<[ConditionDefinition, readonly string[] | undefined]>([
    [{ type: 'agent', agents: ['crm'] }, []],
    [attribute('ticket'), ['ticket']],
    [cel('user == "ann"'), []],
    [cel('attributes.a == 1 && attributes["b c"] == 2'), ['a', 'b c']],
    [cel('attributes.deep.inside == 1'), ['deep']],
    [cel('has(attributes.a) || "b" in attributes'), ['a', 'b']],
    [cel('attributes.list.exists(one, one == "x")'), ['list']],
    [cel('attributes[user] == 1'), undefined],
    [cel('size(attributes) > 1'), undefined],
    [cel('roles.exists(role, attributes[role] == 1)'), undefined],
    [cel('attributes.exists(name, name == "a")'), undefined],
    [{ type: 'any', conditions: [attribute('a'), cel('attributes.b == 1')] }, ['a', 'b']],
    [{ type: 'any', conditions: [attribute('a'), cel('attributes == {}')] }, undefined],
  ])('%j', (condition, names) => {
    expect(attributesIn(condition)).toEqual(names);
  });
});

describe('attributes that policies ask for', () => {
  const policyOf = (id: string, condition: ConditionDefinition, enabled = true) => ({
    ...({ id, name: id, effect: 'allow', priority: 50, enabled, tenants: undefined } as const),
    ...{ conditions: [condition], obligations: [] },
  });

  it('R86 are those of all that are enabled', () => {
    const policies = compilePolicies(
      [
        policyOf('one', attribute('a')),
        policyOf('two', cel('attributes.b == 1')),
        policyOf('off', attribute('c'), false),
      ],
      'DENY_OVERRIDES',
    );
    expect(policies.attributes).toEqual(new Set(['a', 'b']));
    expect(onlyAsked({ a: 1, b: 2, c: 3 }, policies.attributes)).toEqual({ a: 1, b: 2 });
  });

  it('are all where a key is worked out', () => {
    const policies = compilePolicies(
      [policyOf('one', attribute('a')), policyOf('two', cel('attributes[user] == 1'))],
      'DENY_OVERRIDES',
    );
    const attributes = { a: 1, b: 2 };
    expect(onlyAsked(attributes, policies.attributes)).toBe(attributes);
  });

  it('are none where nobody asks', () => {
    const { attributes } = compilePolicies([], 'DENY_OVERRIDES');
    expect(onlyAsked({ secret: 1 }, attributes)).toEqual({});
  });
});
