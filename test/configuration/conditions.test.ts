import { describe, expect, it } from 'vitest';

import { lintConfiguration } from '../../src/configuration/lint.ts';
import { problemText } from '../../src/configuration/problem.ts';

const BEFORE = `version: 1
tenants: [{ id: acme }]
agents: [{ id: bot, provider: other }]
policies:
  - id: p
    effect: deny
    conditions:
`;
const LINES_BEFORE = 7;

/**
 * Everything that is wrong with a condition, as people see it, without the field of the condition
 * itself. What is written begins in line 1, column 9.
 */
function problemsIn(written: string): readonly string[] {
  const lines = written
    .split('\n')
    .map((line, index) => `${index ? '        ' : '      - '}${line}`);
  return lintConfiguration(BEFORE + lines.join('\n'), 't.yaml', 0)
    .problems.map(problemText)
    .map((said) =>
      said
        .replace(/^t\.yaml:(\d+)/, (_, line) => String(Number(line) - LINES_BEFORE))
        .replace('policies[0].conditions[0]', '@'),
    );
}

const located = (inner: string): string => `{ type: location, ${inner} }`;
const hours = (inner: string): string =>
  `type: time_window\nbusiness_hours: { days: [monday], ${inner} }`;
const windows = (inner: string): string => `type: time_window\nmaintenance_windows: [${inner}]`;
const above = (inner: string): string => `{ type: estimate, above: { ${inner} } }`;
const cel = (expression: string): string => `type: cel\nexpression: '${expression}'`;
const anyOf = (inner: string): string => `type: any\nconditions:\n  - ${inner}`;

const NINE_TO_FIVE = 'start_time: "09:00", end_time: "17:00"';
const RANGE = 'expected a range of addresses such as "10.0.0.0/8" or "2001:db8::/32"';
const COUNTRY = 'expected a country in two letters (ISO 3166-1), such as "DE"';
const ZONE = 'expected an IANA time zone such as "Europe/Berlin" or "UTC"';
const CLOCK = 'expected a time of day from "00:00" to "24:00"';
const MOMENT = 'expected a moment with its offset, such as "2027-01-31T18:00:00Z"';
const SAME = 'is the start_time as well; write 00:00 and 24:00 for a whole day';
const ONE_OF_BOTH = 'expected business_hours or maintenance_windows, and not both';
const EXPRESSION = 'expected an expression in CEL that is a bool';
const FEW = 'expected at least 1 of them';

type Case = readonly [what: string, written: string, ...said: readonly string[]];

const REFUSED: readonly Case[] = [
  ...[
    ['a range that is none', '10.0.0.0/33'],
    ['a range without its length', '10.0.0.0'],
    ['a slip of the finger', '10.0.0.0\\8'],
    ['an address that is none', '10.0.0.256/32'],
    ['a range in short', '10/8'],
    ['a range with an octal part', '010.0.0.0/8'],
    ['a range of IPv6 that is too narrow', '2001:db8::/129'],
  ].map(([what = '', range = '']): Case => [
    `R39 ${what}`,
    located(`ip_ranges: ['${range}']`),
    `1:39: @.ip_ranges[0]: ${RANGE}, found ${JSON.stringify(range)}`,
  ]),
  [
    'R39 a range whose bits go on',
    located('ip_ranges: [192.0.2.0/24, 10.1.2.3/8]'),
    `1:53: @.ip_ranges[1]: ${RANGE}, found "10.1.2.3/8"; its bits go on after /8: did you mean "10.0.0.0/8"?`,
  ],
  [
    'R39 a range of IPv6 whose bits go on',
    located('ip_ranges: ["2001:db8::1/32"]'),
    `1:39: @.ip_ranges[0]: ${RANGE}, found "2001:db8::1/32"; its bits go on after /32: did you mean "2001:db8::/32"?`,
  ],
  ...['QQ', 'ZZ', 'EU', 'DEU', 'Germany', '49', ''].map((country): Case => [
    `R39 the country ${country}`,
    located(`countries: [DE, '${country}']`),
    `1:43: @.countries[1]: ${COUNTRY}, found "${country}"`,
  ]),
  ['R39 no country in a list', located('countries: []'), `1:38: @.countries: ${FEW}`],
  ['R39 no range in a list', located('ip_ranges: []'), `1:38: @.ip_ranges: ${FEW}`],
  [
    'R39 neither countries nor ranges',
    'type: location',
    '1:9: @: expected countries, ip_ranges or both',
  ],
  [
    'P29 an unknown time zone',
    hours(`${NINE_TO_FIVE}, timezone: America/New_Yrok`),
    `2:93: @.business_hours.timezone: ${ZONE}, found "America/New_Yrok"; did you mean "America/New_York"?`,
  ],
  [
    'P29 an offset instead of a time zone',
    hours(`${NINE_TO_FIVE}, timezone: "+02:00"`),
    `2:93: @.business_hours.timezone: ${ZONE}, found "+02:00"`,
  ],
  [
    'P29 no time zone',
    hours(NINE_TO_FIVE),
    `2:25: @.business_hours.timezone: is required: ${ZONE}`,
  ],
  ...[
    ['09:00', '09:00'],
    ['00:00', '00:00'],
    ['24:00', '24:00'],
    ['24:00', '00:00'],
  ].map(([start = '', end = '']): Case => [
    `R38 hours from ${start} to ${end}`,
    hours(`start_time: "${start}", end_time: "${end}", timezone: UTC`),
    `2:74: @.business_hours.end_time: ${SAME}`,
  ]),
  ...['9:00', '24:01', '25:00', '09:60', '9am'].map((time): Case => [
    `R38 the time ${time}`,
    hours(`start_time: "${time}", end_time: "17:00", timezone: UTC`),
    `2:55: @.business_hours.start_time: ${CLOCK}, found "${time}"`,
  ]),
  [
    'R38 a day in short',
    hours(`${NINE_TO_FIVE}, timezone: UTC`).replace('monday', 'mon'),
    '2:34: @.business_hours.days[0]: expected sunday, monday, tuesday, wednesday, thursday, friday or saturday, found "mon"; did you mean "monday"?',
  ],
  [
    'R38 no day',
    hours(`${NINE_TO_FIVE}, timezone: UTC`).replace('monday', ''),
    `2:33: @.business_hours.days: ${FEW}`,
  ],
  ['R38 neither hours nor windows', 'type: time_window', `1:9: @: ${ONE_OF_BOTH}`],
  [
    'R38 both hours and windows',
    `${hours(`${NINE_TO_FIVE}, timezone: UTC`)}\nmaintenance_windows:\n  - { start: 2026-05-01T00:00:00Z, end: 2026-05-02T00:00:00Z }`,
    `1:9: @: ${ONE_OF_BOTH}`,
  ],
  ['R38 no window in a list', windows(''), `2:30: @.maintenance_windows: ${FEW}`],
  [
    'R38 a window that ends before it starts',
    windows('{ start: 2026-05-02T00:00:00Z, end: 2026-05-01T00:00:00Z }'),
    '2:67: @.maintenance_windows[0].end: is not after start',
  ],
  [
    'R38 a window of no length, in two offsets',
    windows('{ start: 2026-05-01T00:00:00Z, end: 2026-05-01T02:00:00+02:00 }'),
    '2:67: @.maintenance_windows[0].end: is not after start',
  ],
  [
    'R38 a window without its offset',
    windows('{ start: 2026-05-01T00:00:00, end: 2026-05-02T00:00:00Z }'),
    `2:40: @.maintenance_windows[0].start: ${MOMENT}, found "2026-05-01T00:00:00"`,
  ],
  [
    'R38 windows that are of neither kind',
    windows('5, {}, { days: [sunday], start: 2026-05-01T00:00:00Z, timezone: UTC }'),
    '2:31: @.maintenance_windows[0]: expected a mapping, found 5',
    `2:34: @.maintenance_windows[1].start: is required: ${MOMENT}`,
    `2:34: @.maintenance_windows[1].end: is required: ${MOMENT}`,
    `2:38: @.maintenance_windows[2].start_time: is required: ${CLOCK}`,
    `2:38: @.maintenance_windows[2].end_time: is required: ${CLOCK}`,
    '2:56: @.maintenance_windows[2].start: unknown key "start"; expected one of days, start_time, end_time or timezone',
  ],
  [
    'R40 an estimate above nothing',
    above(''),
    '1:34: @.above: expected at least one of cost_usd, input_tokens, output_tokens or total_tokens',
  ],
  [
    'R40 an estimate above what is unlimited',
    above('cost_usd: -1'),
    '1:34: @.above: expected at least one of cost_usd, input_tokens, output_tokens or total_tokens',
  ],
  [
    'R40 an estimate above a part of a token',
    above('total_tokens: 1.5'),
    '1:50: @.above.total_tokens: expected a whole number from 0 to 1000000000000000 (0 blocks, null or -1 is unlimited), found 1.5',
  ],
  ...[
    ['user == 1', 'no such overload: string == int'],
    ['tenent == "acme"', 'Unknown variable: tenent'],
    ['user ==', 'Unexpected token: EOF'],
    ['cost_usd', 'is a double, not a bool'],
    ['attributes.flag', 'is a dyn, not a bool'],
    ['roles.exists(r, roles.exists(s, s == r))', 'has exists inside another loop over a list'],
    [`${'!'.repeat(1000)}true`, 'Exceeded maxAstNodes (256)'],
    ['!'.repeat(2001), 'is longer than 2000 characters'],
  ].map(([expression = '', why = '']): Case => [
    `R46 ${expression.slice(0, 50)} in CEL`,
    cel(expression),
    `2:21: @.expression: ${EXPRESSION}, found ${shown(expression)}: it ${why}`,
  ]),
  [
    'R46 an expression that is none',
    'type: cel\nexpression: true',
    `2:21: @.expression: ${EXPRESSION}, found true`,
  ],
  ['R42 any of nothing', 'type: any\nconditions: []', `2:21: @.conditions: ${FEW}`],
  [
    'R42 any inside any',
    anyOf('{ type: any, conditions: [] }'),
    '3:21: @.conditions[0].type: expected environment, provider, agent, principal, time_window, location, estimate, data_classification, attribute or cel, found "any"',
  ],
  [
    'R42 what is wrong within any',
    anyOf('{ type: location, countries: [QQ] }'),
    `3:43: @.conditions[0].countries[0]: ${COUNTRY}, found "QQ"`,
  ],
  [
    'R36 an organization that is not there',
    '{ type: principal, organizations: [acne] }',
    '1:44: @.organizations[0]: there is no tenant "acne"; did you mean "acme"?',
  ],
  [
    'R36 an agent that is not there, within any',
    anyOf('{ type: agent, agents: [bott] }'),
    '3:37: @.conditions[0].agents[0]: there is no agent "bott"; did you mean "bot"?',
  ],
  [
    'R36 negate in words',
    located('negate: no, countries: [DE]'),
    '1:35: @.negate: expected true or false, found "no"',
  ],
];

/** Of a long text a message shows the beginning. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}

describe('a condition with a mistake', () => {
  it.each(REFUSED)('is refused, with line, column and field: %s', (_what, written, ...said) => {
    expect(problemsIn(written)).toEqual(said);
  });

  it.each([
    [
      'R39 countries in any case, ranges of both kinds',
      located(
        'countries: [de, At, GB], ip_ranges: [10.0.0.0/8, 0.0.0.0/0, "2001:db8::/32", "::1/128"]',
      ),
    ],
    ['R38 hours', hours(`${NINE_TO_FIVE}, timezone: Asia/Kolkata`)],
    ['R38 a night', hours('start_time: "22:00", end_time: "06:00", timezone: Europe/Paris')],
    ['R38 a whole day', hours('start_time: "00:00", end_time: "24:00", timezone: UTC')],
    [
      'R38 a window once, and one every week',
      windows(
        `{ start: 2026-05-01T00:00:00Z, end: 2026-05-01T00:00:00.001Z }, { days: [sunday], ${NINE_TO_FIVE}, timezone: UTC }`,
      ),
    ],
    ['R40 an estimate', above('cost_usd: 0.30, total_tokens: 0')],
    ['R46 CEL', cel('country in ["DE", "AT"] || attributes.risk < 3')],
    ['R42 any', anyOf('{ type: environment, negate: true, environments: [production] }')],
    ['R36 organizations', '{ type: principal, organizations: [acme], negate: false }'],
  ])('is told from one without: %s', (_what, written) => {
    expect(problemsIn(written)).toEqual([]);
  });
});
