import { describe, expect, it } from 'vitest';

import { lintConfiguration } from '../../src/configuration/lint.ts';
import { problemText } from '../../src/configuration/problem.ts';

const BEFORE = `version: 1
tenants: [{ id: acme }]
tiers: [{ id: gold, match: {} }]
limits:
`;
const LINES_BEFORE = 4;

/**
 * Everything that is wrong with a limit, as people see it. Its lines are counted from its id: what
 * is written begins in the third.
 */
function problemsIn(written: string): readonly string[] {
  const lines = ['- id: l', '  scope: user', ...written.split('\n').map((line) => `  ${line}`)];
  return lintConfiguration(BEFORE + lines.join('\n'), 't.yaml', 0)
    .problems.map(problemText)
    .map((said) =>
      said.replace(/^t\.yaml:(\d+)/, (_, line) => String(Number(line) - LINES_BEFORE)),
    );
}

const ONE = 'windows: [{ limit: 1, per: day }]';
const TWO = 'windows: [{ limit: 1, per: day }, { limit: 9, per: 2d }]';
const BURST = 'windows: [{ limit: 1, per: day, burst: 2 }]';
const PRESET = 'preset: background_processing';
const gold = (list: string): string => list.replace('windows', 'tiers:\n  gold');

const SHARE = 'goes with on_outage: local, and only with it';
const IN_ONE = 'calls in flight are counted in one window';
const OF_BUCKETS = 'belongs to token_bucket alone';
const PERCENTAGE =
  'expected a percentage such as "80%", above 0% and at most 100%, at most one decimal place';

type Case = readonly [what: string, written: string, ...said: readonly string[]];

const REFUSED: readonly Case[] = [
  [
    'R20 neither windows nor a preset',
    'unit: requests',
    '1:3: limits[0].windows: is missing; write windows, or a preset',
  ],
  [
    'R20 windows of a tier alone',
    gold(ONE),
    '1:3: limits[0].windows: is missing; write windows, or a preset',
  ],
  [
    'R35 a preset and windows',
    `${ONE}\n${PRESET}`,
    '4:11: limits[0].preset: stands for windows, which are written as well',
  ],
  [
    'R35 an unknown preset',
    'preset: background_procesing',
    '3:11: limits[0].preset: expected high_volume_automation, user_facing_integration, ' +
      'background_processing or critical_services, found "background_procesing"; ' +
      'did you mean "background_processing"?',
  ],
  [
    'R33 counting locally without a share',
    `${ONE}\non_outage: local`,
    `1:3: limits[0].local_share: ${SHARE}`,
  ],
  [
    'R33 a share without an outage policy',
    `${ONE}\nlocal_share: 25%`,
    `4:16: limits[0].local_share: ${SHARE}`,
  ],
  ...['deny', 'allow'].map((policy): Case => [
    `R33 a share where an outage means ${policy}`,
    `${ONE}\non_outage: ${policy}\nlocal_share: 25%`,
    `5:16: limits[0].local_share: ${SHARE}`,
  ]),
  ...[
    ['0%', '"0%"'],
    ['0.25', '0.25'],
    ['101%', '"101%"'],
    ['12.55%', '"12.55%"'],
  ].map(([share, found]): Case => [
    `R33 a share of ${share}`,
    `${ONE}\non_outage: local\nlocal_share: ${share}`,
    `5:16: limits[0].local_share: ${PERCENTAGE}, found ${found}`,
  ]),
  ...['strict', 'weighted', 'calendar', 'token_bucket'].map((algorithm): Case => [
    `R24 calls in flight counted as ${algorithm}`,
    `unit: concurrency\nalgorithm: ${algorithm}\n${ONE}`,
    '4:14: limits[0].algorithm: has no meaning for calls in flight',
  ]),
  [
    'R24 calls in flight in two windows',
    `unit: concurrency\n${TWO}`,
    `4:12: limits[0].windows: ${IN_ONE}`,
  ],
  [
    'R24 calls in flight in two windows of a tier',
    `unit: concurrency\n${ONE}\n${gold(TWO)}`,
    `6:11: limits[0].tiers.gold: ${IN_ONE}`,
  ],
  [
    'R24 R35 calls in flight by a preset',
    `unit: concurrency\n${PRESET}`,
    '4:11: limits[0].preset: counts calls, not calls in flight',
  ],
  [
    'R24 a burst of calls in flight',
    `unit: concurrency\n${BURST}`,
    `4:42: limits[0].windows[0].burst: ${OF_BUCKETS}`,
  ],
  [
    'R24 a burst of calls in flight in a tier',
    `unit: concurrency\n${ONE}\n${gold(BURST)}`,
    `6:41: limits[0].tiers.gold[0].burst: ${OF_BUCKETS}`,
  ],
  ['R24 a burst without a bucket', BURST, `3:42: limits[0].windows[0].burst: ${OF_BUCKETS}`],
  ...['strict', 'weighted', 'calendar'].map((algorithm): Case => [
    `R24 a burst with ${algorithm}, also in a tier`,
    `algorithm: ${algorithm}\n${BURST}\n${gold(BURST)}`,
    `4:42: limits[0].windows[0].burst: ${OF_BUCKETS}`,
    `6:41: limits[0].tiers.gold[0].burst: ${OF_BUCKETS}`,
  ]),
  [
    'R24 an empty bucket',
    `algorithm: token_bucket\n${BURST.replace('2', '0')}`,
    '4:42: limits[0].windows[0].burst: expected a whole number from 1 to 400000000, found 0',
  ],
  [
    'an unknown algorithm',
    `algorithm: fixed\n${ONE}`,
    '3:14: limits[0].algorithm: expected strict, weighted, calendar or token_bucket, found "fixed"',
  ],
  [
    'an unknown unit',
    `unit: calls\n${ONE}`,
    '3:9: limits[0].unit: expected requests, tokens or concurrency, found "calls"',
  ],
  [
    'R25 an unknown reach of the burst multiplier',
    `${ONE}\nburst_on: shortes`,
    '4:13: limits[0].burst_on: expected shortest or all, found "shortes"; did you mean "shortest"?',
  ],
  [
    'a tier without windows',
    `${ONE}\ntiers:\n  gold: []`,
    '5:11: limits[0].tiers.gold: expected at least 1 of them',
  ],
  [
    'two windows of one length in a tier',
    `${ONE}\n${gold(TWO.replace('2d', '24h'))}`,
    '5:53: limits[0].tiers.gold[1].per: another window of this limit has the same length',
  ],
  [
    'several contradictions at once, in the order of the file',
    `unit: concurrency\non_outage: local\nalgorithm: weighted\n${BURST}\n${PRESET}`,
    `1:3: limits[0].local_share: ${SHARE}`,
    '5:14: limits[0].algorithm: has no meaning for calls in flight',
    `6:42: limits[0].windows[0].burst: ${OF_BUCKETS}`,
    '7:11: limits[0].preset: stands for windows, which are written as well',
    '7:11: limits[0].preset: counts calls, not calls in flight',
  ],
];

describe('a limit that contradicts itself', () => {
  it.each(REFUSED)('is refused, with line, column and field: %s', (_what, written, ...said) => {
    expect(problemsIn(written)).toEqual(said);
  });

  it.each([
    ['R20 two windows', TWO],
    [
      'R24 a bucket with a burst, also in a tier',
      `algorithm: token_bucket\n${BURST}\n${gold(BURST)}`,
    ],
    ['R24 calls in flight', `unit: concurrency\n${ONE}\n${gold(ONE)}`],
    ['R33 a local share', `${ONE}\non_outage: local\nlocal_share: 12.5%`],
    ['R35 a preset, and windows of a tier', `${PRESET}\n${gold(TWO)}`],
  ])('is told from one that does not: %s', (_what, written) => {
    expect(problemsIn(written)).toEqual([]);
  });
});
