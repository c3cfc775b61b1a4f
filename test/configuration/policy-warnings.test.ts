import { describe, expect, it } from 'vitest';
import { lintConfiguration } from '../../src/configuration/lint.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

const HEAD = `version: 1
tenants: [{ id: acme }, { id: beta }]
agents:
  - { id: bot, provider: azure_openai }
  - { id: theirs, provider: copilot_studio, tenants: [beta] }
`;

/** What lint says of policies in flow style, without the place in the file. */
function warningsOf(policies: string, combining = 'DENY_OVERRIDES'): readonly string[] {
  const text = `${HEAD}combining: ${combining}\npolicies: [${policies}]`;
  const { problems, warnings } = lintConfiguration(text, 't.yaml', NOW_MS);
  expect(problems).toEqual([]);
  return warnings.map(({ field, message }) => `${field}: ${message}`);
}

const HOURS = "days: [monday], start_time: '09:00', end_time: '17:00', timezone: America/New_York";
const PROD = '{ type: environment, environments: [prod] }';
const ALLOW = `{ id: some, effect: allow, priority: 90, conditions: [${PROD}] }`;

function allow(conditions: string, rest = ''): string {
  return `{ id: p, effect: allow, ${rest} conditions: [${conditions}] }`;
}

describe('P20 R38 a deny policy with business hours, as people write it', () => {
  const deny = (condition: string): string =>
    `{ id: hours, effect: deny, conditions: [${condition}] }, ${ALLOW}`;
  const SAID = 'denies WITHIN business hours; write negate: true to deny outside';

  it('P20 is warned of, because it denies within them', () => {
    const hours = `{ type: time_window, business_hours: { ${HOURS} } }`;
    expect(warningsOf(deny(hours))).toEqual([`policies[0].conditions[0].business_hours: ${SAID}`]);
  });

  it('P20 is as it should be with negate', () => {
    const hours = `{ type: time_window, negate: true, business_hours: { ${HOURS} } }`;
    expect(warningsOf(deny(hours))).toEqual([]);
  });

  it('P20 is warned of inside any, and not inside an any that is negated', () => {
    const hours = `{ type: time_window, business_hours: { ${HOURS} } }`;
    const any = (rest: string): string => `{ type: any, ${rest} conditions: [${hours}] }`;
    expect(warningsOf(deny(any('')))).toEqual([
      `policies[0].conditions[0].conditions[0].business_hours: ${SAID}`,
    ]);
    expect(warningsOf(deny(any('negate: true,')))).toEqual([]);
  });

  it('P20 is not warned of in an allow, in a policy that is off, or as a weekly window', () => {
    const hours = `{ type: time_window, business_hours: { ${HOURS} } }`;
    expect(warningsOf(allow(hours))).toEqual([]);
    expect(
      warningsOf(`{ id: h, effect: deny, enabled: false, conditions: [${hours}] }, ${ALLOW}`),
    ).toEqual([]);
    expect(warningsOf(deny(`{ type: time_window, maintenance_windows: [{ ${HOURS} }] }`))).toEqual(
      [],
    );
  });
});

describe('R42 a policy that can never apply', () => {
  const left = (fact: string): string =>
    `no ${fact} meets this and what else the policy asks of it, so that it never applies`;

  it.each([
    [
      'a condition and its negation',
      `{ type: cel, expression: 'cost_usd > 1.0' }, { type: cel, expression: 'cost_usd > 1.0', negate: true }`,
      'policies[0].conditions[1]: is the opposite of conditions[0], so that the policy never applies',
    ],
    [
      'a condition and its negation with its list in another order',
      `{ type: data_classification, tags: [a, b], negate: true }, { type: data_classification, tags: [b, a] }`,
      'policies[0].conditions[1]: is the opposite of conditions[0], so that the policy never applies',
    ],
    [
      'two lists of environments with nothing in common',
      `${PROD}, { type: environment, environments: [test, dev] }`,
      `policies[0].conditions[1]: ${left('environment')}`,
    ],
    [
      'environments that are all left out again',
      `${PROD}, { type: environment, environments: [Prod, test], negate: true }`,
      `policies[0].conditions[1]: ${left('environment')}`,
    ],
    [
      'two lists of providers',
      `{ type: provider, providers: [azure_openai] }, { type: provider, providers: [other] }`,
      `policies[0].conditions[1]: ${left('provider')}`,
    ],
    [
      'two lists of agents',
      `{ type: agent, agents: [bot] }, { type: agent, agents: [theirs] }`,
      `policies[0].conditions[1]: ${left('agent')}`,
    ],
    [
      'two lists of countries',
      `{ type: location, countries: [US, CA] }, { type: location, countries: [de], ip_ranges: [10.0.0.0/8] }`,
      `policies[0].conditions[1]: ${left('country')}`,
    ],
    [
      'two lists of teams',
      `{ type: principal, teams: [hr], roles: [a] }, { type: principal, teams: [it] }`,
      `policies[0].conditions[1]: ${left('team')}`,
    ],
    [
      'two values of one attribute',
      `{ type: attribute, name: x, equals: [1] }, { type: attribute, name: x, equals: ['1'] }`,
      `policies[0].conditions[1]: ${left('value of attribute x')}`,
    ],
    [
      'an agent of another provider',
      `{ type: agent, agents: [bot] }, { type: provider, providers: [copilot_studio] }`,
      'policies[0].conditions[0]: none of its agents is of a provider that is asked for, so that the policy never applies',
    ],
    [
      'an agent that the organization may not call',
      `{ type: agent, agents: [theirs] }, { type: principal, organizations: [acme] }`,
      'policies[0].conditions[0]: no tenant that it holds for may call one of its agents, so that the policy never applies',
    ],
  ])('is warned of: %s', (_what, conditions, said) => {
    expect(warningsOf(allow(conditions))).toEqual([said]);
  });

  it('is warned of: an agent that its tenants may not call', () => {
    expect(warningsOf(allow('{ type: agent, agents: [theirs] }', 'tenants: [acme],'))).toEqual([
      'policies[0].conditions[0]: no tenant that it holds for may call one of its agents, so that the policy never applies',
    ]);
  });

  it('is warned of: tenants that its conditions leave out', () => {
    const conditions = '{ type: principal, organizations: [beta] }';
    expect(warningsOf(allow(conditions, 'tenants: [acme],'))).toEqual([
      `policies[0].conditions[0]: ${left('tenant')}`,
    ]);
  });

  it.each([
    ['an overlap', `${PROD}, { type: environment, environments: [prod, dev] }`],
    ['two roles, which one user may have', rolesOf('a', 'b')],
    ['two tags', tagsOf('a', 'b')],
    ['not (team and role) beside the team', notBoth()],
    ['two ranges of addresses', rangesOf('10.0.0.0/8', '10.1.0.0/16')],
    ['an agent that one of the tenants may call', '{ type: agent, agents: [theirs] }'],
    ['two attributes', attributesOf('x', 'y')],
  ])('is not warned of: %s', (_what, conditions) => {
    expect(warningsOf(allow(conditions))).toEqual([]);
  });

  it('is not looked for in a policy that is off', () => {
    const off = `{ id: off, effect: deny, enabled: false, conditions: [${rolesOf('a', 'a')}] }`;
    expect(warningsOf(`${off}, ${ALLOW}`)).toEqual([]);
  });
});

function rolesOf(...roles: readonly string[]): string {
  return roles.map((role) => `{ type: principal, roles: [${role}] }`).join(', ');
}

function tagsOf(...tags: readonly string[]): string {
  return tags.map((tag) => `{ type: data_classification, tags: [${tag}] }`).join(', ');
}

function rangesOf(...ranges: readonly string[]): string {
  return ranges.map((range) => `{ type: location, ip_ranges: [${range}] }`).join(', ');
}

function attributesOf(...names: readonly string[]): string {
  return names.map((name) => `{ type: attribute, name: ${name}, equals: [${name}] }`).join(', ');
}

function notBoth(): string {
  const both = '{ type: principal, teams: [hr], roles: [a], negate: true }';
  return `{ type: principal, teams: [hr] }, ${both}`;
}

describe('R39 P21 maintenance windows that are all over', () => {
  const deny = (windows: string, rest = ''): string =>
    `{ id: m, effect: deny, conditions: [{ type: time_window, ${rest} maintenance_windows: [${windows}] }] }, ${ALLOW}`;
  const PAST = "{ start: '2025-12-25T00:00:00Z', end: '2026-11-21T12:00:00Z' }";
  const NEXT = "{ start: '2026-12-25T00:00:00Z', end: '2026-12-26T00:00:00Z' }";
  const FIELD = 'policies[0].conditions[0].maintenance_windows';

  it('P21 are warned of', () => {
    expect(warningsOf(deny(PAST))).toEqual([
      `${FIELD}: every window is over, so that the condition never holds`,
    ]);
    expect(warningsOf(deny(PAST, 'negate: true,'))).toEqual([
      `${FIELD}: every window is over, so that the condition always holds`,
    ]);
  });

  it('P21 are not warned of while one is to come', () => {
    expect(warningsOf(deny(`${PAST}, ${NEXT}`))).toEqual([]);
    expect(warningsOf(deny(`${PAST}, { ${HOURS} }`))).toEqual([]);
  });
});

describe('R43 R44 policies in an order', () => {
  const first = (...policies: readonly string[]): readonly string[] =>
    warningsOf(policies.join(', '), 'FIRST_APPLICABLE');
  const named = (id: string, priority: number, effect: string, conditions: string): string =>
    `{ id: ${id}, effect: ${effect}, priority: ${priority}, conditions: [${conditions}] }`;
  const never = (by: string, but = ''): string =>
    `never decides with FIRST_APPLICABLE${but}: "${by}" comes first and applies whenever this does`;

  it('R44 a tie of two effects is warned of, and one of two allows is not', () => {
    const dev = '{ type: environment, environments: [dev] }';
    expect(first(named('a', 5, 'allow', PROD), named('d', 5, 'deny', dev))).toEqual([
      'policies[1].priority: has the same priority as "a", which says allow; the deny goes first',
    ]);
    expect(first(named('a', 5, 'allow', PROD), named('b', 5, 'allow', dev))).toEqual([]);
  });

  it.each([
    ['the same conditions', PROD, PROD],
    ['fewer conditions', PROD, `{ type: principal, roles: [a] }, ${PROD}`],
    ['a longer list', '{ type: environment, environments: [prod, dev] }', PROD],
    [
      'a shorter negated list',
      '{ type: environment, environments: [dev], negate: true }',
      '{ type: environment, environments: [dev, test], negate: true }',
    ],
    [
      'one of two lists',
      '{ type: principal, teams: [hr] }',
      '{ type: principal, teams: [hr], roles: [a] }',
    ],
    [
      'the same expression',
      "{ type: cel, expression: 'cost_usd > 1.0' }",
      `{ type: cel, expression: 'cost_usd > 1.0' }, ${PROD}`,
    ],
  ])('R43 an earlier policy with %s shadows a later one', (_what, early, late) => {
    expect(first(named('late', 9, 'allow', late), named('early', 3, 'deny', early))).toEqual([
      `policies[0].id: ${never('early')}`,
    ]);
    expect(warningsOf(`${named('late', 9, 'allow', late)}, ${ALLOW}`)).toEqual([]);
  });

  it('R45 a deny behind an allow still decides what cannot be evaluated', () => {
    expect(first(named('a', 3, 'allow', PROD), named('d', 9, 'deny', PROD))).toEqual([
      `policies[1].id: ${never('a', ' but when a fact is missing')}`,
    ]);
  });

  it.each([
    ['more conditions', `${PROD}, { type: principal, roles: [a] }`, PROD],
    ['a shorter list', PROD, '{ type: environment, environments: [prod, dev] }'],
    ['the negation', '{ type: environment, environments: [prod], negate: true }', PROD],
    [
      'the negation of two lists',
      '{ type: principal, teams: [hr], roles: [a], negate: true }',
      '{ type: principal, teams: [hr], negate: true }',
    ],
  ])('R43 an earlier policy with %s shadows nothing', (_what, early, late) => {
    expect(first(named('early', 3, 'deny', early), named('late', 9, 'allow', late))).toEqual([]);
  });

  it('R43 policies for other tenants, in shadow mode or off shadow nothing', () => {
    const late = named('late', 9, 'allow', PROD);
    const early = (rest: string): string =>
      `{ id: early, effect: deny, priority: 3, ${rest}, conditions: [${PROD}] }`;
    expect(first(early('tenants: [acme]'), late)).toEqual([]);
    expect(first(early('shadow: true'), late)).toEqual([]);
    expect(first(early('enabled: false'), late)).toEqual([]);
    const own = `{ id: late, effect: allow, priority: 9, tenants: [acme], conditions: [${PROD}] }`;
    expect(first(early('tenants: [beta, acme]'), own)).toEqual([
      `policies[1].id: ${never('early')}`,
    ]);
  });

  it('R43 all behind a policy without conditions are named once', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const later = ids.map((id, index) => named(id, 20 + index, 'allow', PROD));
    expect(first(named('wall', 10, 'deny', ''), ...later)).toEqual([
      'policies[0].id: has no conditions, so that with FIRST_APPLICABLE these never decide: a, b, c, d, e and 2 more',
    ]);
  });

  it('R43 a deny without conditions at the end is how one says "and nothing else"', () => {
    expect(first(named('a', 1, 'allow', PROD), named('rest', 99, 'deny', ''))).toEqual([]);
  });
});

describe('R42 R43 policies without conditions, where order does not matter', () => {
  it('a deny denies everything', () => {
    expect(warningsOf(`{ id: shut, effect: deny, conditions: [] }, ${ALLOW}`)).toEqual([
      'policies[0].id: has no conditions, so that with DENY_OVERRIDES every call is denied',
    ]);
  });

  it('a deny for one tenant is meant', () => {
    expect(warningsOf(`{ id: shut, effect: deny, tenants: [acme] }, ${ALLOW}`)).toEqual([]);
  });

  it('an allow makes the conditions of other allows idle', () => {
    expect(warningsOf(`{ id: open, effect: allow }, ${ALLOW}`)).toEqual([
      'policies[0].id: has no conditions, so that it allows what the conditions of these leave out: some',
    ]);
  });

  it('an allow that asks something of the caller is not idle', () => {
    const asking = `{ id: a, effect: allow, conditions: [${PROD}], obligations: [{ name: redact }] }`;
    expect(warningsOf(`{ id: open, effect: allow }, ${asking}`)).toEqual([]);
  });

  it('with ALLOW_OVERRIDES an allow overrides every deny, and a deny changes nothing', () => {
    expect(warningsOf(`{ id: open, effect: allow }, ${ALLOW}`, 'ALLOW_OVERRIDES')).toEqual([
      'policies[0].id: has no conditions, so that with ALLOW_OVERRIDES no deny policy ever decides',
    ]);
    expect(warningsOf(`{ id: shut, effect: deny }, ${ALLOW}`, 'ALLOW_OVERRIDES')).toEqual([]);
  });
});
