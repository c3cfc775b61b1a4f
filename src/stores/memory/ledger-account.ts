import type { AccountReading, AccountSpec } from '../../budgets/account.ts';
import { METRICS, ZERO_AMOUNTS, plus, type Amounts, type Caps } from '../../budgets/amounts.ts';
import { amountOf } from '../../budgets/amounts.ts';
import type { PeriodSpan } from '../../budgets/period-clock.ts';

/** One budget in one period for one owner, as the ledger in memory keeps it. */
export class LedgerAccount {
  readonly id: string;
  readonly period: PeriodSpan;
  /** As it was configured when the account was opened. */
  readonly rollover: Caps;
  /** As it was configured last. */
  spec: AccountSpec;
  held: Amounts = ZERO_AMOUNTS;
  committed: Amounts = ZERO_AMOUNTS;
  carried: Caps = {};
  /** What it left for the next; it may not use that any more. */
  passedOn: Caps = {};
  /** The account that `carried` comes from, and how many periods without one lie between. */
  readonly predecessor: LedgerAccount | undefined;
  readonly idlePeriods: number;
  successor: LedgerAccount | undefined;

  constructor(
    spec: AccountSpec,
    period: PeriodSpan,
    before?: { readonly account: LedgerAccount; readonly idlePeriods: number },
  ) {
    this.id = `${spec.budgetId}/${spec.owner}/${period.name}`;
    this.period = period;
    this.rollover = spec.rollover;
    this.spec = spec;
    this.predecessor = before?.account;
    this.idlePeriods = before?.idlePeriods ?? 0;
    if (before) this.carried = this.#carryFrom(before.account);
  }

  /** Adds to what is held and committed; below 0 takes away. */
  move(held: Amounts, committed: Amounts): void {
    if (held !== ZERO_AMOUNTS) this.held = plus(this.held, held);
    if (committed !== ZERO_AMOUNTS) this.committed = plus(this.committed, committed);
  }

  /** As it stands, under the caps of its own configuration or of another one. */
  reading(spec: AccountSpec = this.spec): AccountReading {
    const reading: AccountReading = {
      account: this.id,
      budgetId: spec.budgetId,
      owner: spec.owner,
      caps: this.capsUnder(spec),
      carried: this.carried,
      soft: spec.soft,
      warnPerMille: spec.warnPerMille,
      degradePerMille: spec.degradePerMille,
      committed: this.committed,
      held: this.held,
    };
    const { startMs, endMs } = this.period;
    if (startMs === undefined || endMs === undefined) return reading;
    return { ...reading, periodStartMs: startMs, periodEndMs: endMs };
  }

  /** What may be used: the caps, with what was carried into the period, without what left it. */
  capsUnder({ caps }: AccountSpec): Caps {
    if (this.predecessor === undefined && this.successor === undefined) return caps;
    const inForce: { -readonly [Metric in keyof Caps]: Caps[Metric] } = {};
    for (const metric of METRICS) {
      const cap = caps[metric];
      if (cap === undefined) continue;
      const more = (this.carried[metric] ?? 0n) - (this.passedOn[metric] ?? 0n);
      // A cap of 0 blocks, whatever was carried.
      inForce[metric] = cap === 0n ? 0n : cap + more;
    }
    return inForce;
  }

  /**
   * Works out what the next period was given, and the ones after it, as far as any was opened:
   * settlements of an old period change it.
   */
  carryOver(): void {
    for (let next = this.successor; next; next = next.successor) {
      const from = next.predecessor;
      if (!from) return;
      next.carried = next.#carryFrom(from);
      from.passedOn = passedOnBy(from, next.carried);
    }
  }

  /** What a period leaves for this one: within the rollover; nothing where either has no cap. */
  #carryFrom(before: LedgerAccount): Caps {
    const carried: { -readonly [Metric in keyof Caps]: Caps[Metric] } = {};
    for (const metric of METRICS) {
      const rollover = this.rollover[metric];
      const cap = before.spec.caps[metric];
      if (rollover === undefined || cap === undefined || this.spec.caps[metric] === undefined) {
        continue;
      }
      const left = restOf(before, metric) + cap * BigInt(this.idlePeriods);
      const amount = left < rollover ? left : rollover;
      if (amount > 0n) carried[metric] = amount;
    }
    return carried;
  }
}

function passedOnBy(before: LedgerAccount, carried: Caps): Caps {
  const passedOn: { -readonly [Metric in keyof Caps]: Caps[Metric] } = {};
  for (const metric of METRICS) {
    const moved = carried[metric];
    if (moved === undefined || before.spec.caps[metric] === undefined) continue;
    const rest = restOf(before, metric);
    passedOn[metric] = moved < rest ? moved : rest;
  }
  return passedOn;
}

/** Cap and what was carried, without what is in use; never below 0. */
function restOf(
  { spec, carried, held, committed }: LedgerAccount,
  metric: (typeof METRICS)[number],
): bigint {
  const used = amountOf(held, metric) + amountOf(committed, metric);
  const rest = (spec.caps[metric] ?? 0n) + (carried[metric] ?? 0n) - used;
  return rest > 0n ? rest : 0n;
}

export function minus(a: Amounts, b: Amounts): Amounts {
  return {
    costMicroUsd: a.costMicroUsd - b.costMicroUsd,
    inputTokens: a.inputTokens - b.inputTokens,
    outputTokens: a.outputTokens - b.outputTokens,
    invocations: a.invocations - b.invocations,
  };
}
