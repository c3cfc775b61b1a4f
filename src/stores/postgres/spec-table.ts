import type { AccountSpec } from '../../budgets/account.ts';
import { METRICS, type Caps } from '../../budgets/amounts.ts';
import type { Json } from './json-text.ts';
import { fieldText, rowsText } from './row-text.ts';

/** Units of date_trunc and interval; `total` has none. */
const UNIT_OF_PERIOD = { daily: 'day', weekly: 'week', monthly: 'month', total: null } as const;

interface Budget {
  readonly spec: AccountSpec;
  /** From 1. */
  readonly number: number;
  /** Numbers of accounts by tenant and owner. */
  readonly accounts: Map<string, Map<string, number>>;
}

/**
 * The accounts that a batch names, as tollgate.specs_at reads them: periods, budgets and accounts,
 * each distinct one once. An account that is configured twice is named twice: the database takes
 * the later of those that are decided.
 */
export class SpecTable {
  readonly #periods = new Map<string, { number: number; unit: string | null; zone: string }>();
  readonly #budgets = new Map<string, Budget[]>();
  readonly #budgetRows: Json[] = [];
  readonly #accountRows: string[] = [];
  #twice = false;

  /** @returns the number of the account, from 1. */
  numberOf(tenant: string, spec: AccountSpec): number {
    const budget = this.#budgetOf(spec);
    const known = budget.accounts.get(tenant)?.get(spec.owner);
    if (known !== undefined) return known;
    const number = this.#accountRows.push(
      `${fieldText(tenant)},${budget.number},${fieldText(spec.owner)}`,
    );
    const others = this.#budgets.get(spec.budgetId) ?? [];
    this.#twice ||= others.some(({ accounts }) => accounts.get(tenant)?.has(spec.owner));
    const owners = budget.accounts.get(tenant);
    if (owners) owners.set(spec.owner, number);
    else budget.accounts.set(tenant, new Map([[spec.owner, number]]));
    return number;
  }

  /** Periods and budgets. */
  toJson(): Json {
    return {
      periods: Array.from(this.#periods.values(), ({ unit, zone }) => ({ unit, zone })),
      budgets: this.#budgetRows,
      twice: this.#twice,
    };
  }

  /** The accounts, as an array of tollgate.named. */
  accountsText(): string {
    return rowsText(this.#accountRows);
  }

  #budgetOf(spec: AccountSpec): Budget {
    const known = this.#budgets.get(spec.budgetId) ?? [];
    const same = known.find((one) => isSameBudget(one.spec, spec));
    if (same) return same;
    // A slash would make account ids ambiguous.
    if (spec.budgetId.includes('/')) throw new Error(`budget id "${spec.budgetId}" has a slash`);
    const number = this.#budgetRows.push(budgetJson(spec, this.#periodNumber(spec)));
    const budget = { spec, number, accounts: new Map<string, Map<string, number>>() };
    this.#budgets.set(spec.budgetId, [...known, budget]);
    return budget;
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
