import { z } from 'zod';
import { COMBINING } from '../policy/verdict.ts';
import { budget } from './budget-section.ts';
import { limit } from './limit-section.ts';
import { ids, match } from './match-section.ts';
import { policy } from './policy-section.ts';
import { prices } from './price-section.ts';
import { recordSection } from './record-section.ts';
import { REFUSED, scalar } from './scalar.ts';
import { MAX_ENTRIES, MAX_WINDOW_LIMIT } from './bounds.ts';
import {
  burstMultiplier,
  choice,
  countCap,
  flag,
  identifier,
  instant,
  moneyCap,
  text,
  whole,
} from './fields.ts';

/**
 * The shape of tollgate.yaml. Descriptions are read by people in docs/configuration.md and in their
 * editor. A field that is left out and whose default comes from the environment stays undefined
 * here; compile.ts fills it.
 */

const tenant = z.strictObject({
  id: identifier.describe('What callers send as `tenant`.'),
  name: text.optional().describe('For people. Absent means the id.'),
  agents: ids(
    'Agents that it may call. Absent means all that do not name other tenants',
  ).optional(),
  record: recordSection
    .optional()
    .describe('What is kept of its calls besides the facts that decide. Absent means everything.'),
});

const agent = z.strictObject({
  id: identifier.describe('What callers send as `agent`.'),
  name: text.optional().describe('For people. Absent means the id.'),
  provider: identifier.describe(
    'Platform that prices it and that provider conditions ask for, such as "copilot_studio". One that `prices.platforms` does not list is priced as "other".',
  ),
  version: text.optional().describe('Kept in the record of each call.'),
  model: text
    .optional()
    .describe('Prices the tokens of a call that names no model. Absent means "other".'),
  enabled: flag.prefault(true).describe('A disabled agent is denied with `agent.disabled`.'),
  tenants: ids('Tenants that may call it. Absent means all').optional(),
});

const tier = z.strictObject({
  id: identifier.describe('Named by `tiers` of limits. Who matches none is "standard".'),
  match: match
    .omit({ tiers: true })
    .describe('Who is of this tier; the first tier that matches counts.'),
});

const exemption = z.strictObject({
  id: identifier.describe('Named in answers and in the record of each use.'),
  match: match.describe('Whom it exempts.'),
  limits: ids('Limits that it lifts. Absent means all').optional(),
  until: instant.optional().describe('When it ends. Absent means never.'),
  granted_by: text.describe('Who answers for it.'),
  reason: text.describe('Why it was granted.'),
});

const agentDefaults = z.strictObject({
  monthly_budget_usd: moneyCap
    .optional()
    .describe('Default "100.00", or EXTERNAL_AGENT_DEFAULT_MONTHLY_BUDGET.'),
  daily_budget_usd: moneyCap
    .optional()
    .describe('Default "10.00", or EXTERNAL_AGENT_DEFAULT_DAILY_BUDGET.'),
  requests_per_minute: countCap(MAX_WINDOW_LIMIT)
    .optional()
    .describe('Default 10, or EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_MINUTE.'),
  requests_per_hour: countCap(MAX_WINDOW_LIMIT)
    .optional()
    .describe('Default 100, or EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_HOUR.'),
  requests_per_day: countCap(MAX_WINDOW_LIMIT)
    .optional()
    .describe('Default 500, or EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_DAY.'),
  burst_multiplier: burstMultiplier
    .optional()
    .describe('Default 1, or EXTERNAL_AGENT_RATE_LIMIT_BURST_MULTIPLIER.'),
});

const section = <T extends z.ZodType>(entry: T, description: string) =>
  z.array(entry).max(MAX_ENTRIES).prefault([]).describe(description);

export const documentSchema = z
  .strictObject({
    version: scalar<1>({
      expected: '1',
      json: { const: 1 },
      read: (value) => (value === 1 ? { ok: 1 } : REFUSED),
    }).describe('Version of this format.'),
    revision: whole({ least: 1, most: Number.MAX_SAFE_INTEGER })
      .optional()
      .describe(
        'Number of this configuration, for callers that demand a least revision from several sidecars. It must grow with every change. Absent means the time at which the file was changed, in milliseconds.',
      ),
    tenants: section(tenant, 'Organizations that may call.'),
    agents: section(agent, 'External agents that can be called.'),
    combining: choice(COMBINING)
      .optional()
      .describe(
        'How policies are combined. Default DENY_OVERRIDES, or EXTERNAL_AGENT_POLICY_CONFLICT_RESOLUTION.',
      ),
    policies: section(policy, 'Who may call what. What no policy allows is denied.'),
    limits: section(
      limit,
      'Rates. Every limit that matches is charged; of those with the same scope the nearest counts.',
    ),
    budgets: section(
      budget,
      'Money, tokens and calls. Every budget that matches is charged; of those with the same scope and period the nearest counts.',
    ),
    prices: prices
      .prefault({})
      .describe('Prices that differ from the built-in ones, or are added to them.'),
    tiers: section(tier, 'Names for groups of callers, in the order in which they are tried.'),
    exemptions: section(exemption, 'Who is exempt from limits, and who says so.'),
    defaults: agentDefaults
      .optional()
      .describe(
        'A limit "default.agent" and two budgets "default.agent.monthly" and "default.agent.daily" for every agent, which a limit or budget of scope agent that names the agent replaces. In force when this section is there, or when one of the EXTERNAL_AGENT_DEFAULT_ variables is set.',
      ),
  })
  .describe('What Tollgate decides by.');

export type ConfigurationDocument = z.output<typeof documentSchema>;
