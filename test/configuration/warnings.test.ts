import { describe, expect, it } from 'vitest';
import { lintConfiguration } from '../../src/configuration/lint.ts';
import { problemText } from '../../src/configuration/problem.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

function warningsIn(text: string): readonly string[] {
  const { problems, warnings } = lintConfiguration(text, 't.yaml', NOW_MS);
  expect(problems).toEqual([]);
  return warnings.map(problemText);
}

const HEAD = `version: 1
tenants: [{ id: acme }]
agents: [{ id: bot, provider: other }]
`;
const ALLOW = 'policies: [{ id: open, effect: allow }]\n';

describe('a configuration that is right and probably not meant', () => {
  it('is not warned of when it is meant', () => {
    expect(warningsIn(HEAD + ALLOW)).toEqual([]);
  });

  it.each([
    [
      'nothing is allowed',
      HEAD,
      't.yaml:1:1: policies: no enabled policy allows anything: every call is denied',
    ],
    [
      'nobody may call',
      `version: 1\ntenants: []\n${ALLOW}`,
      't.yaml:2:10: tenants: there is no tenant: every call is refused',
    ],
    [
      'a tenant lists an agent that is not for it',
      `version: 1
tenants: [{ id: acme, agents: [bot] }, { id: beta }]
agents: [{ id: bot, provider: other, tenants: [beta] }]
${ALLOW}`,
      't.yaml:2:32: tenants[0].agents[0]: the agent "bot" names its tenants and this is not one of them, so it may not be called',
    ],
    [
      'an allow without conditions shadows the rest',
      `${HEAD}combining: FIRST_APPLICABLE
policies: [{ id: open, effect: allow, priority: 1 }, { id: shut, effect: deny, priority: 2 }]`,
      't.yaml:5:18: policies[0].id: has no conditions, so that with FIRST_APPLICABLE these never decide: shut',
    ],
    [
      'an allow without conditions overrides every deny',
      `${HEAD}combining: ALLOW_OVERRIDES\n${ALLOW}`,
      't.yaml:5:18: policies[0].id: has no conditions, so that with ALLOW_OVERRIDES no deny policy ever decides',
    ],
    [
      'two effects have one priority where priority decides',
      `${HEAD}combining: FIRST_APPLICABLE
policies:
  - { id: a, effect: allow, priority: 7, conditions: [{ type: provider, providers: [other] }] }
  - { id: d, effect: deny, priority: 7, conditions: [{ type: environment, environments: [x] }] }`,
      't.yaml:7:38: policies[1].priority: has the same priority as "a", which says allow; the deny goes first',
    ],
    [
      'a budget caps nothing',
      `${HEAD}${ALLOW}budgets: [{ id: b, scope: user, period: daily, caps: {} }]`,
      't.yaml:5:54: budgets[0].caps: caps nothing: spend is only tracked; say `cost_usd: null` if that is meant',
    ],
    [
      'a budget degrades before it warns',
      `${HEAD}${ALLOW}budgets: [{ id: b, scope: user, period: daily, caps: { cost_usd: 1 }, warn_at: 90%, degrade_at: 80% }]`,
      't.yaml:5:80: budgets[0].warn_at: is above degrade_at, so that answers degrade before they warn',
    ],
    [
      'a provider has no price (R50)',
      `version: 1\ntenants: [{ id: acme }]\nagents: [{ id: bot, provider: azure }]\n${ALLOW}`,
      't.yaml:3:31: agents[0].provider: prices.platforms has no "azure", so that its calls are priced as "other"',
    ],
    [
      'an exemption is for everybody (R28)',
      `${HEAD}${ALLOW}exemptions: [{ id: e, match: {}, granted_by: me, reason: r }]`,
      't.yaml:5:30: exemptions[0].match: matches every call of every tenant',
    ],
    [
      'an exemption is over (R28)',
      `${HEAD}${ALLOW}exemptions: [{ id: e, match: { users: [a] }, granted_by: me, reason: r, until: 2026-11-21T12:00:00Z }]`,
      't.yaml:5:80: exemptions[0].until: is over; it exempts nobody any more',
    ],
  ])('is warned of when %s', (_what, text, said) => {
    expect(warningsIn(text)).toEqual([said]);
  });
});
