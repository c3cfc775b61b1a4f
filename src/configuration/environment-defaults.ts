import type { OutagePolicy } from '../limits/counter.ts';
import type { MicroUsd } from '../lib/money.ts';
import type { Combining } from '../policy/verdict.ts';

/** What holds for every agent that no nearer limit or budget names. */
export interface AgentDefaults {
  /** Undefined means unlimited; so it is with all of them. */
  readonly monthlyBudgetMicroUsd: MicroUsd | undefined;
  readonly dailyBudgetMicroUsd: MicroUsd | undefined;
  readonly requestsPerMinute: number | undefined;
  readonly requestsPerHour: number | undefined;
  readonly requestsPerDay: number | undefined;
}

/** What the environment says where the configuration file is silent. The file wins. */
export interface EnvironmentDefaults {
  /** Whether the agent defaults are in force although the file does not ask for them. */
  readonly agentDefaultsInForce: boolean;
  readonly agentDefaults: AgentDefaults;
  /** Undefined means the price table's own. */
  readonly defaultCostMicroUsd: MicroUsd | undefined;
  readonly warnPerMille: number;
  readonly degradePerMille: number;
  readonly onOutage: OutagePolicy;
  readonly burstMultiplier: number;
  readonly combining: Combining;
}

/** What holds when no variable is set (requirement R72). */
export const BUILT_IN_DEFAULTS: EnvironmentDefaults = {
  agentDefaultsInForce: false,
  agentDefaults: {
    monthlyBudgetMicroUsd: 100_000_000n,
    dailyBudgetMicroUsd: 10_000_000n,
    requestsPerMinute: 10,
    requestsPerHour: 100,
    requestsPerDay: 500,
  },
  defaultCostMicroUsd: undefined,
  warnPerMille: 800,
  degradePerMille: 900,
  onOutage: 'deny',
  burstMultiplier: 1,
  combining: 'DENY_OVERRIDES',
};
