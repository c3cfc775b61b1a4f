import { z } from 'zod';
import { match } from './match-section.ts';
import { isList, repetitions } from './repetitions.ts';
import { MAX_WINDOW_LIMIT, MAX_WINDOWS } from './bounds.ts';
import { burstMultiplier, choice, identifier, limitScope, whole, windowLength } from './fields.ts';

const rateWindow = z.strictObject({
  limit: whole({ least: 0, most: MAX_WINDOW_LIMIT }).describe('Calls at most; 0 blocks.'),
  per: windowLength.describe('In any time of this length.'),
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

/** An entry of `limits`. */
export const limit = z.strictObject({
  id: identifier.describe('Named in reasons and in rate status.'),
  scope: limitScope.describe(
    'What it is counted apart by: global (one counter for all tenants), organization, team, user, agent, provider, or a list of them.',
  ),
  match: match.prefault({}),
  windows: windows.describe('All are taken from together, or none.'),
  tiers: z
    .record(identifier, windows)
    .prefault({})
    .describe('Windows for callers of a tier, instead of `windows`.'),
  burst_multiplier: burstMultiplier
    .optional()
    .describe(
      'Loosens the shortest window only. Default 1, or EXTERNAL_AGENT_RATE_LIMIT_BURST_MULTIPLIER.',
    ),
  on_outage: choice(['deny', 'allow'])
    .optional()
    .describe(
      'What to answer when the counting store cannot. Default deny, or allow with EXTERNAL_AGENT_RATE_LIMIT_FAIL_OPEN=true.',
    ),
});
