import { describe, expect, it } from 'vitest';
import { lintConfiguration } from '../../src/configuration/lint.ts';
import {
  MAX_BURST_MULTIPLIER,
  MAX_PROBLEMS,
  MAX_WINDOW_LIMIT,
  MAX_WINDOW_MS,
} from '../../src/configuration/bounds.ts';
import { problemText } from '../../src/configuration/problem.ts';

/** Everything that is wrong with a file, as people see it. */
function problemsIn(text: string): readonly string[] {
  return lintConfiguration(text, 't.yaml', 0).problems.map(problemText);
}

/** A file that is right, but for what a case puts into it. */
const RIGHT = `version: 1
tenants: [{ id: acme }]
agents: [{ id: bot, provider: other }]
`;

/** Lines after RIGHT begin here. */
const L = 4;

const USD =
  'expected US dollars such as "0.30": a decimal that is not negative, at most 6 places (0 blocks, null or -1 is unlimited)';
const ID = 'expected an id: 1 to 128 of the characters A-Z a-z 0-9 . _ : @ -';
const LENGTHS = `expected second, minute, hour, day, or a duration from 1s to ${MAX_WINDOW_MS / 86_400_000}d such as "90s", "15m", "6h", "30d"`;
const SCOPES =
  'expected global, organization, team, user, agent or provider, or a list of organization, team, user, agent and provider';

const limit = (inner: string): string =>
  `limits:\n  - { id: l, scope: user, windows: [{ limit: 1, per: day }], ${inner} }`;
const windows = (inner: string): string =>
  `limits:\n  - id: l\n    scope: user\n    windows:\n      - ${inner}`;
const budget = (inner: string): string =>
  `budgets:\n  - id: b\n    scope: user\n    period: daily\n    ${inner}`;
const policy = (inner: string): string => `policies:\n  - { id: p, effect: deny, ${inner} }`;
const condition = (inner: string): string =>
  `policies:\n  - id: p\n    effect: deny\n    conditions:\n      - ${inner}`;
const exemption = (inner: string): string =>
  `exemptions:\n  - { id: e, granted_by: me, reason: r, ${inner} }`;

/**
 * What is written, and what is said of it: "line:column: field: message", lines counted from the
 * first written.
 */
const REFUSED: readonly (readonly [what: string, written: string, said: string])[] = [
  ['an unknown section', 'limit: []', '1:1: limit: unknown key "limit"; did you mean "limits"?'],
  [
    'an unknown key far from all others',
    'budgets: []\nxyzzy: 1',
    '2:1: xyzzy: unknown key "xyzzy"; expected one of version, revision, tenants, agents, combining, policies, limits, budgets, prices, tiers, exemptions or defaults',
  ],
  [
    'an unknown key of a condition',
    condition('{ type: environment, environments: [a], enviroments: [b] }'),
    '5:49: policies[0].conditions[0].enviroments: unknown key "enviroments"; did you mean "environments"?',
  ],
  [
    'the name that another system has for a key',
    limit('fail_open: true'),
    '2:62: limits[0].fail_open: unknown key "fail_open"; here it is called "on_outage"',
  ],
  [
    'a key written twice',
    'limits: []\nlimits: []',
    '2:1: limits: "limits" is written twice in this mapping',
  ],
  [
    'a merge key',
    'defaults:\n  <<: {}',
    '2:3: defaults.<<: unknown key "<<": YAML 1.2 has no merge keys; use an alias for a whole value',
  ],
  ['a section of another type', 'limits: {}', '1:9: limits: expected a list, found a mapping'],
  ['a section left empty', 'limits:', '1:8: limits: expected a list, found nothing'],
  [
    'an entry of another type',
    'limits:\n  - user',
    '2:5: limits[0]: expected a mapping, found "user"',
  ],
  [
    'a required key that is missing',
    'tiers:\n  - id: t',
    '2:5: tiers[0].match: is required: expected a mapping',
  ],
  [
    'a required scalar that is missing',
    'limits:\n  - windows: [{ limit: 1, per: day }]\n    scope: user',
    `2:5: limits[0].id: is required: ${ID}`,
  ],
  [
    'an id with a space',
    'tiers:\n  - { id: a b, match: {} }',
    `2:11: tiers[0].id: ${ID}, found "a b"`,
  ],
  [
    'an id used twice',
    'tiers:\n  - { id: a, match: {} }\n  - { id: a, match: {} }',
    '3:11: tiers[1].id: the id "a" is used twice; first on line 5',
  ],
  [
    'an id that defaults make',
    'budgets:\n  - { id: default.agent.daily, scope: user, period: daily, caps: {} }',
    '2:11: budgets[0].id: the id "default.agent.daily" is kept for what `defaults` makes; expected another id',
  ],
  [
    'a word that is none of the choices',
    'combining: ALLOW_OVERIDES',
    '1:12: combining: expected DENY_OVERRIDES, ALLOW_OVERRIDES or FIRST_APPLICABLE, found "ALLOW_OVERIDES"; did you mean "ALLOW_OVERRIDES"?',
  ],
  [
    'YAML 1.1 truth',
    policy('enabled: yes'),
    '2:37: policies[0].enabled: expected true or false, found "yes"',
  ],
  [
    'a priority out of bounds',
    policy('priority: 0'),
    '2:38: policies[0].priority: expected a whole number from 1 to 1000, found 0',
  ],
  [
    'an unknown condition',
    condition('type: enviroment'),
    '5:15: policies[0].conditions[0].type: expected environment, provider, agent, principal, time_window, location, estimate, data_classification, attribute, cel or any, found "enviroment"; did you mean "environment"?',
  ],
  [
    'a condition without a type',
    condition('environments: [a]'),
    '5:9: policies[0].conditions[0].type: is required: expected environment, provider, agent, principal, time_window, location, estimate, data_classification, attribute, cel or any',
  ],
  [
    'a principal condition that asks nothing',
    condition('type: principal'),
    '5:9: policies[0].conditions[0]: expected at least one of organizations, users, teams or roles',
  ],
  [
    'an empty list, which nothing could match',
    condition('{ type: provider, providers: [] }'),
    '5:38: policies[0].conditions[0].providers: expected at least 1 of them',
  ],
  [
    'an attribute value that is not one',
    condition('{ type: attribute, name: x, equals: [.nan] }'),
    '5:46: policies[0].conditions[0].equals[0]: expected text, a number, true or false, found .nan',
  ],
  [
    'an unknown scope',
    limit('').replace('user', 'usr'),
    `2:21: limits[0].scope: ${SCOPES}, found "usr"; did you mean "user"?`,
  ],
  [
    'global beside another scope',
    limit('').replace('user', '[global, user]'),
    `2:21: limits[0].scope: ${SCOPES}, found a list; "global" stands alone`,
  ],
  [
    'a scope twice',
    limit('').replace('user', '[user, user]'),
    `2:21: limits[0].scope: ${SCOPES}, found a list with a repetition`,
  ],
  [
    'a global budget',
    budget('caps: {}').replace('user', 'global'),
    '3:12: budgets[0].scope: expected organization, team, user, agent or provider, or a list of organization, team, user, agent and provider, found "global"',
  ],
  [
    'P15: a negative limit',
    windows('{ limit: -1, per: day }'),
    `5:18: limits[0].windows[0].limit: expected a whole number from 0 to ${MAX_WINDOW_LIMIT}, found -1`,
  ],
  [
    'a broken limit',
    windows('{ limit: 1.5, per: day }'),
    `5:18: limits[0].windows[0].limit: expected a whole number from 0 to ${MAX_WINDOW_LIMIT}, found 1.5`,
  ],
  [
    'a window of no length',
    windows('{ limit: 1, per: 0s }'),
    `5:26: limits[0].windows[0].per: ${LENGTHS}, found "0s"`,
  ],
  [
    'a misspelt window',
    windows('{ limit: 1, per: minuts }'),
    `5:26: limits[0].windows[0].per: ${LENGTHS}, found "minuts"; did you mean "minute"?`,
  ],
  [
    'a window longer than the stores keep',
    windows('{ limit: 1, per: 367d }'),
    `5:26: limits[0].windows[0].per: ${LENGTHS}, found "367d"`,
  ],
  [
    'two windows of one length',
    windows('{ limit: 1, per: hour }\n      - { limit: 2, per: 60m }'),
    '6:26: limits[0].windows[1].per: another window of this limit has the same length',
  ],
  [
    'no window',
    'limits:\n  - { id: l, scope: user, windows: [] }',
    '2:36: limits[0].windows: expected at least 1 of them',
  ],
  [
    'more windows than a counter has',
    `limits:\n  - { id: l, scope: user, windows: [${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `{ limit: 1, per: ${n}h }`).join(', ')}] }`,
    '2:36: limits[0].windows: expected at most 8 of them',
  ],
  [
    'a burst below one',
    limit('burst_multiplier: 0.5'),
    `2:80: limits[0].burst_multiplier: expected a number from 1 to ${MAX_BURST_MULTIPLIER}, at most 3 decimal places, found 0.5`,
  ],
  [
    'an unknown outage policy',
    limit('on_outage: open'),
    '2:73: limits[0].on_outage: expected deny, allow or local, found "open"',
  ],
  [
    'P15: a negative cap',
    budget('caps: { cost_usd: "-0.5" }'),
    `5:23: budgets[0].caps.cost_usd: ${USD}, found "-0.5"`,
  ],
  [
    'P15: a cap that is not a number',
    budget('caps: { cost_usd: .nan }'),
    `5:23: budgets[0].caps.cost_usd: ${USD}, found .nan`,
  ],
  [
    'P15: a cap without end',
    budget('caps: { cost_usd: .inf }'),
    `5:23: budgets[0].caps.cost_usd: ${USD}, found .inf`,
  ],
  [
    'a cap in scientific notation',
    budget('caps: { cost_usd: 1e2 }'),
    `5:23: budgets[0].caps.cost_usd: ${USD}, found 1e2`,
  ],
  [
    'a fraction of a micro-dollar',
    budget('caps: { cost_usd: 0.0000001 }'),
    `5:23: budgets[0].caps.cost_usd: ${USD}, found 0.0000001`,
  ],
  [
    'P15: a negative number of tokens',
    budget('caps: { total_tokens: -2 }'),
    '5:27: budgets[0].caps.total_tokens: expected a whole number from 0 to 1000000000000000 (0 blocks, null or -1 is unlimited), found -2',
  ],
  [
    'a number of tokens past what stays exact',
    budget('caps: { total_tokens: 9007199254740993 }'),
    '5:27: budgets[0].caps.total_tokens: expected a whole number from 0 to 1000000000000000 (0 blocks, null or -1 is unlimited), found 9007199254740993',
  ],
  [
    'P29: an unknown time zone',
    budget('time_zone: America/New_Yrok\n    caps: {}'),
    '5:16: budgets[0].time_zone: expected an IANA time zone such as "Europe/Berlin" or "UTC", found "America/New_Yrok"; did you mean "America/New_York"?',
  ],
  [
    'P29: an offset instead of a time zone',
    budget('time_zone: "+02:00"\n    caps: {}'),
    '5:16: budgets[0].time_zone: expected an IANA time zone such as "Europe/Berlin" or "UTC", found "+02:00"',
  ],
  [
    'a share that is not a percentage',
    budget('warn_at: 0.8\n    caps: {}'),
    '5:14: budgets[0].warn_at: expected a percentage such as "80%", above 0% and at most 100%, at most one decimal place, found 0.8',
  ],
  [
    'a rollover of what is not capped',
    budget('rollover: { invocations: 3 }\n    caps: { cost_usd: 1 }'),
    '5:30: budgets[0].rollover.invocations: needs caps.invocations: what is not capped leaves nothing',
  ],
  [
    'a rollover without periods',
    'budgets: [{ id: b, scope: user, period: total, caps: { cost_usd: 1 }, rollover: { cost_usd: 1 } }]',
    '1:93: budgets[0].rollover.cost_usd: has no meaning in period "total", which never ends',
  ],
  [
    'a suggestion for a week',
    'budgets: [{ id: b, scope: user, period: weekly, caps: { suggested_for: webhook } }]',
    '1:72: budgets[0].caps.suggested_for: knows amounts for period "daily" and "monthly" alone',
  ],
  [
    'an alert twice',
    budget('alerts_at: [50%, 50.0%]\n    caps: {}'),
    '5:22: budgets[0].alerts_at[1]: is listed twice',
  ],
  [
    'an unknown period',
    budget('caps: {}').replace('daily', 'dayly'),
    '4:13: budgets[0].period: expected daily, weekly, monthly or total, found "dayly"; did you mean "daily"?',
  ],
  [
    'a negative price',
    'prices:\n  platforms: { other: -1 }',
    '2:23: prices.platforms.other: expected US dollars such as "0.30": a decimal that is not negative, at most 6 places, found -1',
  ],
  [
    'a complexity of nothing',
    'prices:\n  complexity: { simple: 0 }',
    '2:25: prices.complexity.simple: expected a number above 0 and at most 1000, at most 3 decimal places, found 0',
  ],
  [
    'a buffer past all bounds',
    'prices: { buffer: 101% }',
    '1:19: prices.buffer: expected a percentage from "0%" to "100%", found "101%"',
  ],
  [
    'a day that does not exist',
    exemption('match: {}, until: 2026-02-30T00:00:00Z'),
    '2:59: exemptions[0].until: expected a moment with its offset, such as "2027-01-31T18:00:00Z", found "2026-02-30T00:00:00Z"',
  ],
  [
    'a moment without its offset',
    exemption('match: {}, until: 2026-02-20T00:00:00'),
    '2:59: exemptions[0].until: expected a moment with its offset, such as "2027-01-31T18:00:00Z", found "2026-02-20T00:00:00"',
  ],
  [
    'an unknown agent in a match',
    limit('match: { agents: [bott] }'),
    '2:80: limits[0].match.agents[0]: there is no agent "bott"; did you mean "bot"?',
  ],
  [
    'an unknown tenant in a match',
    limit('match: { organizations: [acme, nobody] }'),
    '2:93: limits[0].match.organizations[1]: there is no tenant "nobody"',
  ],
  [
    'an unknown tenant of a policy',
    policy('tenants: [acne]'),
    '2:38: policies[0].tenants[0]: there is no tenant "acne"; did you mean "acme"?',
  ],
  [
    'an unknown agent of a condition',
    condition('{ type: agent, agents: [bott] }'),
    '5:33: policies[0].conditions[0].agents[0]: there is no agent "bott"; did you mean "bot"?',
  ],
  [
    'an unknown tier',
    limit('tiers: { gold: [{ limit: 1, per: day }] }'),
    '2:71: limits[0].tiers.gold: there is no tier "gold"',
  ],
  [
    'an unknown limit of an exemption',
    exemption('match: {}, limits: [none]'),
    '2:61: exemptions[0].limits[0]: there is no limit "none"',
  ],
  [
    'an alias without its anchor',
    'limits: *others',
    '1:9: limits: there is no anchor "&others" before this alias',
  ],
  ['a tag', 'limits: !mine []', '1:9: not valid YAML: Unresolved tag: !mine'],
  [
    'a second document',
    '---\nversion: 1',
    '1:1: not valid YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
  [
    'a key that would change every object',
    '__proto__: {}',
    '1:1: __proto__: this cannot be a key: expected plain text',
  ],
];

describe('a configuration file with a mistake', () => {
  it.each(REFUSED)(
    'is refused for %s, with line, column, field and what was expected',
    (_what, written, said) => {
      const [, line = '', rest = ''] = /^(\d+)(:.*)$/s.exec(said) ?? [];
      expect(problemsIn(RIGHT + written)).toEqual([`t.yaml:${Number(line) + L - 1}${rest}`]);
    },
  );

  it('is accepted without one', () => {
    expect(problemsIn(RIGHT)).toEqual([]);
  });

  it('is told about all of them, in the order of the file, references included', () => {
    const text = `version: 2
tenants: [{ id: acme, agents: [nobody] }]
limits:
  - id: l
    scope: usr
    windows: [{ limit: -1, per: day }, { limit: 1, per: day }]
budgts: []
budgets:
  - { id: b, scope: user, period: daily, caps: { cost_usd: -5 } }
  - { id: b, scope: user, period: daily, caps: {} }
`;
    expect(
      problemsIn(text).map((one) => one.replace(/^t\.yaml:(\d+:\d+: [^:]+):.*/, '$1')),
    ).toEqual([
      '1:10: version',
      '2:32: tenants[0].agents[0]',
      '5:12: limits[0].scope',
      '6:24: limits[0].windows[0].limit',
      '6:57: limits[0].windows[1].per',
      '7:1: budgts',
      '9:60: budgets[0].caps.cost_usd',
      '10:11: budgets[1].id',
    ]);
  });

  it.each([
    ['nothing', '', 't.yaml:1:1: expected a mapping, found nothing'],
    ['a list', '- 1', 't.yaml:1:1: expected a mapping, found a list'],
    [
      'a flow that does not end',
      'tenants: [',
      't.yaml:1:11: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  ])('says so when there is %s', (_what, text, said) => {
    expect(problemsIn(text)).toEqual([said]);
  });
});

describe('a configuration file that is an attack', () => {
  it('is refused when aliases unfold into billions of values', () => {
    const steps = Array.from(
      { length: 12 },
      (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`,
    );
    const said = problemsIn(`a0: &a0 [1]\n${steps.join('\n')}`);
    expect(said.some((one) => one.includes('more than 200000 values, aliases unfolded'))).toBe(
      true,
    );
  });

  it('is refused when an alias stands inside its own anchor', () => {
    expect(
      problemsIn('tenants: &t [*t]').some((one) => one.includes('nested deeper than 32 levels')),
    ).toBe(true);
  });

  it('is refused when it nests deeper than any stack', () => {
    const said = problemsIn('['.repeat(50_000));
    expect(said[0]).toMatch(/^t\.yaml:1:\d+: not valid YAML/);
    expect(said.length).toBeLessThanOrEqual(MAX_PROBLEMS);
  });

  it('is refused when it is larger than 4 MiB', () => {
    expect(problemsIn('#'.repeat(4 * 1024 * 1024 + 1))).toEqual([
      't.yaml:1:1: the file is larger than 4194304 bytes',
    ]);
  });
});

describe('rules that one call can meet', () => {
  const rule = (n: number, match: string): string =>
    `  - { id: l${n}, scope: user, windows: [{ limit: 1, per: day }], match: { ${match} } }\n`;
  const limitsOf = (count: number, match: (n: number) => string): string =>
    `${RIGHT}limits:\n${Array.from({ length: count }, (_, n) => rule(n, match(n))).join('')}`;

  it('are at most 64, because a store takes no more in one round trip', () => {
    expect(problemsIn(limitsOf(64, (n) => `roles: [r${n}]`))).toEqual([
      't.yaml:4:1: limits: one call could meet more than 64 limits; narrow them with `match`',
    ]);
    expect(problemsIn(limitsOf(63, (n) => `roles: [r${n}]`))).toEqual([]);
  });

  it('may be many more in a file when no call meets them together', () => {
    expect(problemsIn(limitsOf(1000, (n) => `users: [u${n}], teams: [t${n % 7}]`))).toEqual([]);
    const lists = ['users', 'teams', 'providers', 'environments'];
    expect(problemsIn(limitsOf(1000, (n) => `${lists[n % 4]!}: [x${n}]`))).toEqual([]);
  });

  it('are counted where several narrow lists meet, not list by list', () => {
    const crowded = (n: number): string => `users: [u, v${n}], teams: [t, w${n}]`;
    expect(problemsIn(limitsOf(100, crowded))).toHaveLength(1);
    // Fifty of a user and fifty of a team that this user's limits exclude: never more than fifty.
    const apart = (n: number): string =>
      n < 50 ? 'users: [u], teams: [a]' : `teams: [b], users: [u${n % 2}, u]`;
    expect(problemsIn(limitsOf(100, apart))).toEqual([]);
  });
});
