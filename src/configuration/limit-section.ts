import { z } from 'zod';
import { RATE_PRESET_NAMES } from '../limits/rate-presets.ts';
import { match } from './match-section.ts';
import { isList, repetitions } from './repetitions.ts';
import { FULL_PER_MILLE, MAX_WINDOW_LIMIT, MAX_WINDOWS } from './bounds.ts';
import {
  burstMultiplier,
  choice,
  flag,
  identifier,
  limitScope,
  percentage,
  whole,
  windowLength,
} from './fields.ts';

const rateWindow = z.strictObject({
  limit: whole({ least: 0, most: MAX_WINDOW_LIMIT }).describe(
    'Units at most: calls, tokens, or calls in flight; 0 blocks.',
  ),
  per: windowLength.describe(
    'In any time of this length. Of calls in flight: how long one counts when nobody says that it ended.',
  ),
  burst: whole({ least: 1, most: MAX_WINDOW_LIMIT })
    .optional()
    .describe(
      'What a token bucket holds; `limit` is what flows in. Default `limit`, loosened by the burst multiplier.',
    ),
});

const windows = z
  .array(rateWindow)
  .min(1)
  .max(MAX_WINDOWS)
  .superRefine(
    (list, context) => {
      const lengths: unknown[] = list.map((one: Partial<(typeof list)[number]>) => one.per);
      repetitions(lengths).forEach((index) => {
        const message = 'another window of this limit has the same length';
        context.addIssue({ code: 'custom', path: [index, 'per'], message });
      });
    },
    { when: isList },
  );

const limitFields = z.strictObject({
  id: identifier.describe('Named in reasons and in rate status.'),
  scope: limitScope.describe(
    'What it is counted apart by: global (one counter for all tenants), organization, team, user, agent, provider, or a list of them.',
  ),
  match: match.prefault({}),
  unit: choice(['requests', 'tokens', 'concurrency'])
    .prefault('requests')
    .describe(
      'What is counted: calls; their input and output tokens, estimated first and corrected at Commit; or calls in flight, until Commit, Release or the time of the window.',
    ),
  algorithm: choice(['strict', 'weighted', 'calendar', 'token_bucket'])
    .optional()
    .describe(
      'How it is counted. strict (the default): never above the limit in any trailing window. weighted: this window and a share of the one before. calendar: windows aligned to UTC. token_bucket: a bucket that holds `burst` and fills at the limit.',
    ),
  preset: choice(RATE_PRESET_NAMES)
    .optional()
    .describe('Windows and burst multiplier that suit a use case, instead of `windows`.'),
  windows: windows.optional().describe('All are taken from together, or none.'),
  tiers: z
    .record(identifier, windows)
    .prefault({})
    .describe('Windows for callers of a tier, instead of `windows`.'),
  burst_multiplier: burstMultiplier
    .optional()
    .describe(
      'Loosens the shortest window. Default 1, that of the preset, or EXTERNAL_AGENT_RATE_LIMIT_BURST_MULTIPLIER.',
    ),
  burst_on: choice(['shortest', 'all'])
    .prefault('shortest')
    .describe('Which windows the burst multiplier loosens.'),
  shadow: flag
    .prefault(false)
    .describe('Counted by itself and not enforced: an answer tells when it had no room.'),
  on_outage: choice(['deny', 'allow', 'local'])
    .optional()
    .describe(
      'What to answer when the counting store cannot. local: each process admits its share by itself. Default deny, or allow with EXTERNAL_AGENT_RATE_LIMIT_FAIL_OPEN=true.',
    ),
  local_share: percentage(FULL_PER_MILLE)
    .optional()
    .describe(
      'With on_outage local: the share of the limit that each process admits while the store is away; for four sidecars "25%".',
    ),
});

type LimitFields = z.output<typeof limitFields>;

/** An entry of `limits`. */
export const limit = limitFields.superRefine((entry, context) => {
  const refuse = (path: readonly (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  if (entry.preset === undefined && entry.windows === undefined) {
    refuse(['windows'], 'is missing; write windows, or a preset');
  }
  if (entry.preset !== undefined && entry.windows !== undefined) {
    refuse(['preset'], 'stands for windows, which are written as well');
  }
  if ((entry.on_outage === 'local') !== (entry.local_share !== undefined)) {
    refuse(['local_share'], 'goes with on_outage: local, and only with it');
  }
  if (entry.unit === 'concurrency') refuseForLeases(entry, refuse);
  else if (entry.algorithm !== 'token_bucket') refuseBursts(entry, refuse);
});

type Refuse = (path: readonly (string | number)[], message: string) => void;

function refuseForLeases(entry: LimitFields, refuse: Refuse): void {
  if (entry.algorithm !== undefined) refuse(['algorithm'], 'has no meaning for calls in flight');
  if (entry.preset !== undefined) refuse(['preset'], 'counts calls, not calls in flight');
  for (const [path, list] of listsOf(entry)) {
    if (list.length > 1) refuse(path, 'calls in flight are counted in one window');
  }
  refuseBursts(entry, refuse);
}

function refuseBursts(entry: LimitFields, refuse: Refuse): void {
  for (const [path, list] of listsOf(entry)) {
    list.forEach(({ burst }, index) => {
      if (burst !== undefined) refuse([...path, index, 'burst'], 'belongs to token_bucket alone');
    });
  }
}

function listsOf({ windows: own = [], tiers }: LimitFields) {
  const ofTiers = Object.entries(tiers).map(([tier, list]) => [['tiers', tier], list] as const);
  return [[['windows'], own] as const, ...ofTiers];
}
