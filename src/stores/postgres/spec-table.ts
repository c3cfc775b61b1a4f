import type { AccountSpec } from '../../budgets/account.ts';
import { METRICS, type Caps } from '../../budgets/amounts.ts';
import type { Json } from './json-text.ts';

/** Units of date_trunc and interval; `total` has none. */
const UNIT_OF_PERIOD = { daily: 'day', weekly: 'week', monthly: 'month', total: null } as const;

interface Budget {
  readonly spec: AccountSpec;
  /** From 1. */
  readonly number: number;
}

interface Account {
  readonly number: number;
  readonly tenant: string;
  readonly owner: string;
  readonly budget: number;
}

/**
 * The accounts that a batch names, as tollgate.specs_at reads them: periods, budgets and accounts,
 * each distinct one once. An account that is configured twice is named twice: the database takes
 * the later of those that are decided.
 */
export class SpecTable {
  readonly #periods = new Map<string, { number: number; unit: string | null; zone: string }>();
  readonly #budgets = new Map<string, Budget[]>();
  readonly #accounts = new Map<string, Account>();
  readonly #owners = new Set<string>();
  readonly #budgetRows: Json[] = [];

  /** @returns the number of the account, from 1. */
  numberOf(tenant: string, spec: AccountSpec): number {
    const budget = this.#budgetNumber(spec);
    const key = `${budget}\n${tenant}\n${spec.owner}`;
    const known = this.#accounts.get(key);
    if (known) return known.number;
    const number = this.#accounts.size + 1;
    this.#owners.add(`${spec.budgetId}\n${tenant}\n${spec.owner}`);
    this.#accounts.set(key, { number, tenant, owner: spec.owner, budget });
    return number;
  }

  toJson(): Json {
    return {
      periods: [...this.#periods.values()].map(({ unit, zone }) => ({ unit, zone })),
      budgets: this.#budgetRows,
      twice: this.#owners.size < this.#accounts.size,
      accounts: Array.from(this.#accounts.values(), ({ number, tenant, owner, budget }) => ({
        s: number,
        tenant,
        b: budget,
        owner,
      })),
    };
  }

  #budgetNumber(spec: AccountSpec): number {
    const known = this.#budgets.get(spec.budgetId) ?? [];
    const same = known.find((one) => isSameBudget(one.spec, spec));
    if (same) return same.number;
    // A slash would make account ids ambiguous.
    if (spec.budgetId.includes('/')) throw new Error(`budget id "${spec.budgetId}" has a slash`);
    const number = this.#budgetRows.push(budgetJson(spec, this.#periodNumber(spec)));
    this.#budgets.set(spec.budgetId, [...known, { spec, number }]);
    return number;
  }

  #periodNumber({ period, timeZone: zone }: AccountSpec): number {
    const unit = UNIT_OF_PERIOD[period];
    const key = `${period} ${zone}`;
    const known = this.#periods.get(key);
    if (known) return known.number;
    const number = this.#periods.size + 1;
    this.#periods.set(key, { number, unit, zone });
    return number;
  }
}

function budgetJson(spec: AccountSpec, period: number): Json {
  const { caps, rollover } = spec;
  return {
    id: spec.budgetId,
    period,
    depth: spec.depth,
    soft: spec.soft,
    warn: spec.warnPerMille,
    degrade: spec.degradePerMille,
    alerts: [...spec.alertPerMille].sort((a, b) => a - b),
    cost: caps.costMicroUsd?.toString(),
    input: caps.inputTokens?.toString(),
    output: caps.outputTokens?.toString(),
    total: caps.totalTokens?.toString(),
    invocations: caps.invocations?.toString(),
    roll_cost: rollover.costMicroUsd?.toString(),
    roll_input: rollover.inputTokens?.toString(),
    roll_output: rollover.outputTokens?.toString(),
    roll_total: rollover.totalTokens?.toString(),
    roll_invocations: rollover.invocations?.toString(),
  };
}

/** Specs of one snapshot share their caps, so that most comparisons end at the first look. */
function isSameBudget(a: AccountSpec, b: AccountSpec): boolean {
  return (
    a.period === b.period &&
    a.timeZone === b.timeZone &&
    a.depth === b.depth &&
    a.soft === b.soft &&
    a.warnPerMille === b.warnPerMille &&
    a.degradePerMille === b.degradePerMille &&
    isSameCaps(a.caps, b.caps) &&
    isSameCaps(a.rollover, b.rollover) &&
    (a.alertPerMille === b.alertPerMille || a.alertPerMille.join() === b.alertPerMille.join())
  );
}

function isSameCaps(a: Caps, b: Caps): boolean {
  return a === b || METRICS.every((metric) => a[metric] === b[metric]);
}
