import { z } from 'zod';
import { PERIODS } from '../budgets/account.ts';
import { match } from './match-section.ts';
import { isList, repetitions } from './repetitions.ts';
import { ALERTS_PER_MILLE, FULL_PER_MILLE, MAX_ALERT_PER_MILLE, MAX_ALERTS } from './bounds.ts';
import {
  amountCap,
  budgetScope,
  choice,
  identifier,
  moneyCap,
  percentage,
  timeZone,
} from './fields.ts';

const caps = z
  .strictObject({
    cost_usd: moneyCap.optional().describe('US dollars, such as "0.30".'),
    input_tokens: amountCap.optional().describe('Input tokens.'),
    output_tokens: amountCap.optional().describe('Output tokens.'),
    total_tokens: amountCap.optional().describe('Input and output tokens together.'),
    invocations: amountCap.optional().describe('Calls.'),
  })
  .describe(
    'Caps by what they cap. One that is absent, null or -1 is unlimited: spend is tracked and never denied. 0 blocks.',
  );

const alerts = z
  .array(percentage(MAX_ALERT_PER_MILLE))
  .max(MAX_ALERTS)
  .superRefine(
    (list, context) => {
      repetitions(list).forEach((index) => {
        context.addIssue({ code: 'custom', path: [index], message: 'is listed twice' });
      });
    },
    { when: isList },
  );

/** An entry of `budgets`. */
export const budget = z.strictObject({
  id: identifier.describe('Named in reasons and in account ids.'),
  scope: budgetScope.describe(
    'Who has an account each: organization, team, user, agent, provider, or a list of them.',
  ),
  match: match.prefault({}),
  period: choice(PERIODS).describe(
    'How long an account lasts. Weeks begin on Monday; "total" never ends.',
  ),
  time_zone: timeZone.prefault('UTC').describe('Where days, weeks and months begin.'),
  caps,
  mode: choice(['hard', 'soft'])
    .prefault('hard')
    .describe('A hard budget denies what does not fit; a soft one warns.'),
  warn_at: percentage(FULL_PER_MILLE)
    .optional()
    .describe(
      'Share from which on answers warn. Default "80%", or EXTERNAL_AGENT_BUDGET_WARNING_THRESHOLD.',
    ),
  degrade_at: percentage(FULL_PER_MILLE)
    .optional()
    .describe(
      'Share from which on answers say `degraded`. Default "90%", or EXTERNAL_AGENT_BUDGET_DEGRADATION_THRESHOLD.',
    ),
  alerts_at: alerts
    .prefault(ALERTS_PER_MILLE.map((perMille) => `${perMille / 10}%`))
    .describe('Shares that raise an alert, each once per account.'),
});
