import type { BudgetDefinition } from '../budgets/budget-set.ts';
import type { MicroUsd } from '../lib/money.ts';
import type { LimitDefinition } from '../limits/limit-set.ts';
import type { ConfigurationDocument } from './document.ts';
import type { AgentDefaults, EnvironmentDefaults } from './environment-defaults.ts';
import { ALERTS_PER_MILLE } from './bounds.ts';
import { UNIT_MS } from './notation.ts';

/** Ids of what the section `defaults` makes. */
export const AGENT_DEFAULT_IDS = {
  limit: 'default.agent',
  monthly: 'default.agent.monthly',
  daily: 'default.agent.daily',
} as const;

export interface DefaultRules {
  readonly limits: readonly LimitDefinition[];
  readonly budgets: readonly BudgetDefinition[];
}

/**
 * The limit and the budgets that every agent has until something nearer replaces them: they count
 * each agent apart and match every call, so that whatever names an agent stands nearer.
 */
export function defaultRules(
  document: Pick<ConfigurationDocument, 'defaults'>,
  environment: EnvironmentDefaults,
): DefaultRules {
  if (!document.defaults && !environment.agentDefaultsInForce) return { limits: [], budgets: [] };
  const values = merged(document.defaults ?? {}, environment.agentDefaults);
  const burst = document.defaults?.burst_multiplier ?? environment.burstMultiplier;
  const budget = budgetMaker(environment);
  return {
    limits: limitOf(values, burst, environment),
    budgets: [
      budget(AGENT_DEFAULT_IDS.monthly, 'monthly', values.monthlyBudgetMicroUsd),
      budget(AGENT_DEFAULT_IDS.daily, 'daily', values.dailyBudgetMicroUsd),
    ],
  };
}

/** A key that is written wins, also when it says unlimited. */
function merged(
  written: NonNullable<ConfigurationDocument['defaults']>,
  fallback: AgentDefaults,
): AgentDefaults {
  const pick = <T>(key: keyof typeof written, value: T, otherwise: T): T =>
    Object.hasOwn(written, key) ? value : otherwise;
  return {
    monthlyBudgetMicroUsd: pick(
      'monthly_budget_usd',
      written.monthly_budget_usd,
      fallback.monthlyBudgetMicroUsd,
    ),
    dailyBudgetMicroUsd: pick(
      'daily_budget_usd',
      written.daily_budget_usd,
      fallback.dailyBudgetMicroUsd,
    ),
    requestsPerMinute: pick(
      'requests_per_minute',
      written.requests_per_minute,
      fallback.requestsPerMinute,
    ),
    requestsPerHour: pick('requests_per_hour', written.requests_per_hour, fallback.requestsPerHour),
    requestsPerDay: pick('requests_per_day', written.requests_per_day, fallback.requestsPerDay),
  };
}

function limitOf(
  values: AgentDefaults,
  burstMultiplier: number,
  environment: EnvironmentDefaults,
): readonly LimitDefinition[] {
  const counts = [
    { lengthMs: UNIT_MS.minute, limit: values.requestsPerMinute },
    { lengthMs: UNIT_MS.hour, limit: values.requestsPerHour },
    { lengthMs: UNIT_MS.day, limit: values.requestsPerDay },
  ];
  const windows = counts.flatMap(({ lengthMs, limit }) =>
    limit === undefined ? [] : [{ lengthMs, limit }],
  );
  if (windows.length === 0) return [];
  return [
    {
      id: AGENT_DEFAULT_IDS.limit,
      scope: ['agent'],
      match: {},
      unit: 'requests',
      algorithm: 'strict',
      windows,
      tiers: {},
      burstMultiplier,
      burstOn: 'shortest',
      onOutage: environment.onOutage,
      localPerMille: 0,
    },
  ];
}

function budgetMaker(environment: EnvironmentDefaults) {
  return (
    id: string,
    period: 'monthly' | 'daily',
    cap: MicroUsd | undefined,
  ): BudgetDefinition => ({
    id,
    scope: ['agent'],
    match: {},
    period,
    timeZone: 'UTC',
    caps: cap === undefined ? {} : { costMicroUsd: cap },
    rollover: {},
    soft: false,
    warnPerMille: environment.warnPerMille,
    degradePerMille: environment.degradePerMille,
    alertPerMille: ALERTS_PER_MILLE,
  });
}
