import { describe, expect, it } from 'vitest';

import { NO_FACTS, type PolicyFacts } from '../facts.ts';
import { cel } from './cel.ts';
import { compileCondition } from './compile.ts';

const KNOWN: PolicyFacts = {
  tenant: 'acme',
  agent: 'copilot',
  provider: 'copilot_studio',
  environment: 'production',
  user: 'alice',
  team: 'hr',
  roles: ['admin', 'auditor'],
  country: 'de',
  sourceIp: '10.0.0.1',
  dataClassification: ['pii'],
  attributes: { region: 'eu', risk: 3, flag: true, nothing: null, deep: { list: [1, 'a'] } },
  costMicroUsd: 1_500_000n,
  inputTokens: 5n,
  outputTokens: 0n,
  nowMs: Date.parse('2026-07-15T12:00:00Z'),
};

const ask = (expression: string, facts: Partial<PolicyFacts> = {}): string =>
  cel(expression).evaluate({ ...KNOWN, ...facts });

/** What a trace says is missing. */
function missingIn(expression: string, facts: Partial<PolicyFacts> = {}): string {
  const condition = cel(expression);
  const all = { ...KNOWN, ...facts };
  expect(condition.evaluate(all)).toBe('unknown');
  return condition.missing?.(all) ?? condition.fact;
}

describe('R46 an expression in CEL', () => {
  it.each([
    ['tenant == "acme" && agent == "copilot" && provider == "copilot_studio"', 'true'],
    ['environment == "staging"', 'false'],
    ['user == "alice" && team in ["hr", "it"]', 'true'],
    ['"admin" in roles && !("intern" in roles)', 'true'],
    ['roles.exists(role, role.startsWith("aud"))', 'true'],
    ['roles.all(role, role.endsWith("r"))', 'false'],
    // In capitals, whatever the caller wrote.
    ['country == "DE"', 'true'],
    ['source_ip == "10.0.0.1"', 'true'],
    ['data_classification.exists_one(tag, tag == "pii")', 'true'],
    ['attributes.region == "eu" && attributes.risk > 2 && attributes.risk < 3.5', 'true'],
    ['attributes.flag || false', 'true'],
    ['attributes.nothing == null', 'true'],
    ['attributes.deep.list[1] == "a"', 'true'],
    ['cost_usd > 1.49 && cost_usd < 1.51', 'true'],
    ['input_tokens == 5 && output_tokens == 0', 'true'],
    ['now > timestamp("2026-07-15T11:59:59Z")', 'true'],
    ['now.getHours("America/New_York") == 8 && now.getDayOfWeek() == 3', 'true'],
    ['user == "alice" ? cost_usd > 1.0 : cost_usd > 0.5', 'true'],
  ])('%s is %s', (expression, expected) => {
    expect(ask(expression)).toBe(expected);
  });

  it('negate turns the answer round and leaves unknown as it is', () => {
    const turned = compileCondition({ type: 'cel', expression: 'country == "DE"', negate: true });
    expect(turned.evaluate(KNOWN)).toBe('false');
    expect(turned.evaluate({ ...KNOWN, country: 'FR' })).toBe('true');
    expect(turned.evaluate(NO_FACTS)).toBe('unknown');
  });

  it('answers the same whatever it was asked before', () => {
    const attributes = [
      { x: 4 },
      { x: 'text' },
      {},
      { x: true },
      { x: null },
      { x: [1] },
      { x: 2 },
    ];
    const answers = (all: readonly Record<string, unknown>[]): Record<string, string> => {
      const condition = cel('attributes.x > 3');
      return Object.fromEntries(
        all.map((one) => [JSON.stringify(one), condition.evaluate({ ...KNOWN, attributes: one })]),
      );
    };
    const forwards = answers(attributes);
    expect(answers(attributes.toReversed())).toEqual(forwards);
    expect(Object.values(forwards)).toEqual([
      'true',
      'unknown',
      'unknown',
      'unknown',
      'unknown',
      'unknown',
      'false',
    ]);
  });
});

describe('R45 what an expression cannot tell is unknown', () => {
  it.each<[string, string]>([
    ...['tenant', 'agent', 'provider', 'environment', 'user', 'team', 'country', 'source_ip'].map(
      (name): [string, string] => [`${name} == "x"`, name],
    ),
    ['"x" in roles', 'roles'],
    ['"x" in data_classification', 'data_classification'],
    ['input_tokens > 1', 'input_tokens'],
    ['output_tokens > 1', 'output_tokens'],
    ['attributes.region == "eu"', 'attributes.region'],
    ['attributes["two words"] == 1', 'attributes["two words"]'],
    ['attributes.deep.list[0] == 1', 'attributes.deep'],
  ])('%s without any facts names %s', (expression, missing) => {
    expect(missingIn(expression, NO_FACTS)).toBe(missing);
  });

  it('what is always known is known without any facts', () => {
    expect(ask('cost_usd == 0.0 && now < timestamp("1970-01-02T00:00:00Z")', NO_FACTS)).toBe(
      'true',
    );
  });

  it.each([
    ['attributes.deep.no == 1', 'attributes.deep.no'],
    ['roles[7] == "admin"', 'roles[7]'],
    ['attributes.region > 3', 'no such overload: dyn<string> > int'],
    ['attributes.risk || false', "Logical operator requires bool operands, got 'double'"],
    ['!attributes.region', 'no such overload: !string'],
    ['input_tokens * 9223372036854775807 > 0', 'integer overflow'],
    ['input_tokens / output_tokens == 1', 'division by zero'],
    ['int(attributes.region) == 1', 'int() type error'],
    // The caller's own values are not repeated.
    ['attributes[user] == 1', 'attributes[user]'],
    ['duration(user) < duration("1s")', 'Invalid duration string'],
    ['now.getHours(user) == 1', 'it cannot be evaluated'],
  ])('%s: %s', (expression, why) => {
    expect(missingIn(expression)).toBe(why);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf'])(
    'an attribute %s that nobody sent is missing',
    (name) => {
      expect(missingIn(`attributes.${name} == 1`)).toBe(`attributes.${name}`);
      expect(missingIn(`attributes["${name}"] != 1`)).toBe(`attributes["${name}"]`);
      expect(missingIn(`attributes.deep.${name} == 1`)).toBe(`attributes.deep.${name}`);
      expect(ask(`has(attributes.${name})`)).toBe('false');
      expect(ask(`"${name}" in attributes`)).toBe('false');
    },
  );

  it('an attribute may be called as what every object has', () => {
    const attributes = JSON.parse('{"__proto__": 1, "toString": 2}') as Record<string, unknown>;
    expect(ask('attributes.__proto__ == 1 && attributes.toString == 2', { attributes })).toBe(
      'true',
    );
    // The library takes this one for the type of the whole, so nothing can be told of the others.
    const odd = { ...KNOWN.attributes, constructor: 'x' };
    expect(ask('attributes.region == "eu"', { attributes: odd })).toBe('unknown');
  });

  it('a condition that is no bool after all is unknown', () => {
    for (const value of [1, 0, '', 'true', null, [], {}]) {
      expect(ask('attributes.x && true', { attributes: { x: value } })).toBe('unknown');
      expect(ask('attributes.x ? true : false', { attributes: { x: value } })).toBe('unknown');
    }
  });
});

describe('R45 what settles the answer absorbs an unknown', () => {
  const noCountry = { country: '' };

  it.each([
    ['country == "DE" || "admin" in roles', 'true'],
    ['"admin" in roles || country == "DE"', 'true'],
    ['country == "DE" && "intern" in roles', 'false'],
    ['"intern" in roles && country == "DE"', 'false'],
    ['attributes.absent == 1 || input_tokens * 9223372036854775807 > 0 || true', 'true'],
    ['!(country == "DE" && "intern" in roles)', 'true'],
    ['country == "DE" || "intern" in roles', 'unknown'],
    ['country == "DE" && "admin" in roles', 'unknown'],
    ['!(country == "DE")', 'unknown'],
  ])('%s is %s', (expression, expected) => {
    expect(ask(expression, noCountry)).toBe(expected);
  });
});

describe('R49 R88 what is shown of an expression', () => {
  const expression = 'user == "alice" && attributes.region == "eu" && source_ip == "10.0.0.1"';

  it('names facts that may lead to a person and does not show them', () => {
    const { saw, words, fact } = cel(expression);
    expect(words).toBe(`cel ${expression}`);
    expect(fact).toBe('user and attributes and source_ip');
    expect(saw(KNOWN)).toBe('user is known, attributes is known, source_ip is known');
    expect(saw(NO_FACTS)).toBe('user is missing, attributes is known, source_ip is missing');
  });

  it('shows others, not more than 80 characters of each', () => {
    const { saw } = cel('input_tokens > 1 && "x" in roles && team == "hr"');
    expect(saw({ ...KNOWN, team: 'x'.repeat(500) })).toBe(
      `input_tokens "5", roles ["admin","auditor"], team ${'x'.repeat(80)}`,
    );
  });
});
