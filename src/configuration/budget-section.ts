import { z } from 'zod';
import { PERIODS } from '../budgets/account.ts';
import { SUGGESTED_FOR } from '../budgets/suggested-caps.ts';
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

const METRICS = {
  cost_usd: moneyCap.optional().describe('US dollars, such as "0.30".'),
  input_tokens: amountCap.optional().describe('Input tokens.'),
  output_tokens: amountCap.optional().describe('Output tokens.'),
  total_tokens: amountCap.optional().describe('Input and output tokens together.'),
  invocations: amountCap.optional().describe('Calls.'),
};

const caps = z
  .strictObject({
    ...METRICS,
    suggested_for: choice(SUGGESTED_FOR)
      .optional()
      .describe(
        'Takes the cost that is recommended for this kind of provider, by the month or by the day, unless cost_usd says otherwise.',
      ),
  })
  .describe(
    'Caps by what they cap. One that is absent, null or -1 is unlimited: spend is tracked and never denied. 0 blocks.',
  );

const rollover = z
  .strictObject(METRICS)
  .describe(
    'The most that earlier periods may leave for the next, by what it caps. One that is absent starts anew in every period.',
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

const budgetFields = z.strictObject({
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
  rollover: rollover.prefault({}),
  mode: choice(['hard', 'soft', 'shadow'])
    .prefault('hard')
    .describe(
      'A hard budget denies what does not fit; a soft one warns; one in shadow has accounts of its own, and `budget.overrun` alone tells what it would deny.',
    ),
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

type BudgetFields = z.output<typeof budgetFields>;

/** An entry of `budgets`. */
export const budget = budgetFields.superRefine((entry, context) => {
  const refuse = (path: readonly string[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  for (const [metric, amount] of Object.entries(entry.rollover)) {
    if (amount === undefined) continue;
    if (entry.period === 'total') {
      refuse(['rollover', metric], 'has no meaning in period "total", which never ends');
    } else if (!isCapped(entry, metric)) {
      refuse(['rollover', metric], `needs caps.${metric}: what is not capped leaves nothing`);
    }
  }
  const { suggested_for: suggestedFor, cost_usd: cost } = entry.caps;
  const known = entry.period === 'daily' || entry.period === 'monthly';
  if (suggestedFor !== undefined && cost === undefined && !known) {
    refuse(['caps', 'suggested_for'], 'knows amounts for period "daily" and "monthly" alone');
  }
});

function isCapped({ caps: given }: BudgetFields, metric: string): boolean {
  if (metric === 'cost_usd' && given.suggested_for !== undefined) return true;
  return Object.entries(given).some(([name, cap]) => name === metric && cap !== undefined);
}
