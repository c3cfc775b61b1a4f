import {
  METRICS,
  UNIT_OF_METRIC,
  type Amounts,
  type Caps,
  type Metric,
} from '../budgets/amounts.ts';
import type { AccountStatus, Decision, Effect, WindowStatus } from '../decision/decision.ts';
import type { SpanName } from '../decision/observer.ts';
import type { SettleOutcome } from '../decision/ports.ts';
import { isAdvice, type Reason } from '../decision/reasons.ts';
import type { Calibration } from '../pricing/calibration.ts';
import { Histogram } from './histogram.ts';
import { newCount, newHighest, newLowest, Series } from './series.ts';

export type DecidingOperation = 'authorize' | 'reserve' | 'extend';

/**
 * What the decisions of this process add up to: numbers in maps, because this runs for every call.
 * `metrics.ts` turns them into Prometheus text when somebody asks.
 */
export class DecisionCounts {
  /** operation, effect */
  readonly decisions = new Series(newCount);
  /** code */
  readonly denials = new Series(newCount);
  /** code */
  readonly advice = new Series(newCount);
  /** limit */
  readonly limitExceeded = new Series(newCount);
  /** limit */
  readonly limitOutageAllowed = new Series(newCount);
  /** limit */
  readonly limitOutageLocal = new Series(newCount);
  /** limit, length of the window in milliseconds */
  readonly limitRemaining = new Series(newLowest);
  /** limit */
  readonly limitSustained = new Series(newCount);
  /** exemption, limit */
  readonly exemptions = new Series(newCount);
  /** outcome */
  readonly windowSettlements = new Series(newCount);
  /** operation, outcome */
  readonly settlements = new Series(newCount);
  readonly expired = newCount();
  readonly archived = newCount();
  readonly rolledUp = newCount();
  /** Undefined until the first round. */
  batchesBehind: number | undefined;
  /** tenant */
  readonly recalibrations = new Series(newCount);
  /** What calls to an agent cost beside what the price table said of them. */
  calibrations: readonly Calibration[] = [];
  readonly overruns = newCount();
  readonly overrunMicroUsd = newCount();
  /** tenant, budget */
  readonly budgetUsed = new Series(newHighest);
  /** unit: tenant, budget */
  readonly budgetRemaining = new Map(
    METRICS.map((metric) => [UNIT_OF_METRIC[metric], new Series(newLowest)] as const),
  );
  /** stage */
  readonly stages = new Series(() => new Histogram());
  /** operation */
  readonly requests = new Series(() => new Histogram());

  decided(operation: DecidingOperation, decision: Decision, tenant: string): void {
    this.decisions.at(operation, decision.effect).value += 1;
    for (const reason of decision.reasons) this.#gave(reason, decision.effect);
    for (const window of decision.windows) this.#saw(window, decision.decidedAtMs);
    for (const account of decision.accounts) this.#charged(tenant, account, decision.decidedAtMs);
  }

  #gave(reason: Reason, effect: Effect): void {
    const { code, rule = '' } = reason;
    if (isAdvice(reason)) this.advice.at(code).value += 1;
    else if (effect === 'deny') this.denials.at(code).value += 1;
    if (code === 'limit.exceeded') this.limitExceeded.at(rule).value += 1;
    if (code === 'limit.outage_allowed') this.limitOutageAllowed.at(rule).value += 1;
    if (code === 'limit.outage_local') this.limitOutageLocal.at(rule).value += 1;
  }

  #saw({ limitId, lengthMs, limit, remaining, outage }: WindowStatus, nowMs: number): void {
    if (outage) return;
    const share = limit > 0 ? remaining / limit : 0;
    this.limitRemaining.at(limitId, lengthMs).see(share, nowMs);
  }

  #charged(tenant: string, account: AccountStatus, nowMs: number): void {
    if (account.outage) return;
    const { budgetId, caps, committed, held } = account;
    let used = 0;
    for (const metric of METRICS) {
      const cap = capOf(caps, metric);
      if (cap === undefined) continue;
      const taken = takenOf(committed, held, metric);
      used = Math.max(used, cap > 0 ? taken / cap : 1);
      const unit = UNIT_OF_METRIC[metric];
      this.budgetRemaining
        .get(unit)!
        .at(tenant, budgetId)
        .see(cap - taken, nowMs);
    }
    this.budgetUsed.at(tenant, budgetId).see(used, nowMs);
  }

  settled(
    operation: 'commit' | 'release',
    outcome: SettleOutcome['kind'],
    overrunMicroUsd: bigint,
  ): void {
    this.settlements.at(operation, outcome).value += 1;
    if (overrunMicroUsd <= 0n) return;
    this.overruns.value += 1;
    this.overrunMicroUsd.value += Number(overrunMicroUsd);
  }

  windowsSettled(outcome: string): void {
    this.windowSettlements.at(outcome).value += 1;
  }

  exempted(exemptionId: string, limitId: string): void {
    this.exemptions.at(exemptionId, limitId).value += 1;
  }

  /** @param seconds from the start of the stage to its end, waiting included. */
  staged(stage: SpanName, seconds: number): void {
    this.stages.at(stage).observe(seconds);
  }
}

/** Gauges are for looking at: a double is exact to nine thousand million dollars. */
function capOf(caps: Caps, metric: Metric): number | undefined {
  const cap = caps[metric];
  return cap === undefined ? undefined : Number(cap);
}

function takenOf(committed: Amounts, held: Amounts, metric: Metric): number {
  if (metric !== 'totalTokens') return Number(committed[metric]) + Number(held[metric]);
  return takenOf(committed, held, 'inputTokens') + takenOf(committed, held, 'outputTokens');
}
