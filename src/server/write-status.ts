import type { Reservation } from '../decision/ports.ts';
import type { ReservationState } from '../decision/ports.ts';
import type { AccountStatus, WindowStatus } from '../decision/decision.ts';
import { UNIT_OF_METRIC } from '../budgets/amounts.ts';
import { standingsOf, usedPerMille } from '../budgets/standing.ts';
import * as wire from '../gen/tollgate/v1/decision_service.ts';
import type { BudgetStatus, MetricStatus, RateStatus } from '../gen/tollgate/v1/verdict.ts';
import { durationOf } from './write-time.ts';

export function rateStatusOf(window: WindowStatus): RateStatus {
  const { limitId, scope, lengthMs, limit, remaining, resetAfterMs, unit, outage } = window;
  return {
    limitId,
    scope,
    window: durationOf(lengthMs),
    limit: BigInt(limit),
    remaining: BigInt(Math.max(0, Math.floor(remaining))),
    resetAfter: resetAfterMs > 0 ? durationOf(resetAfterMs) : undefined,
    unit,
    outage,
  };
}

/**
 * The share used after a large overrun of a small cap does not fit the field; it is then as full as
 * can be said.
 */
const MAX_INT32 = 2 ** 31 - 1;

export function budgetStatusOf(account: AccountStatus): BudgetStatus {
  const { periodStartMs, periodEndMs, outage } = account;
  const used = outage ? 0 : Math.min(MAX_INT32, usedPerMille(account));
  return {
    budgetId: account.budgetId,
    account: account.account,
    scope: account.owner,
    periodStart: periodStartMs === undefined ? undefined : new Date(periodStartMs),
    periodEnd: periodEndMs === undefined ? undefined : new Date(periodEndMs),
    metrics: outage ? [] : metricsOf(account),
    usedPerMille: used,
    warning: !outage && used >= account.warnPerMille,
    degraded: !outage && used >= account.degradePerMille,
    soft: account.soft,
    outage,
  };
}

function metricsOf(account: AccountStatus): MetricStatus[] {
  return standingsOf(account).map(({ metric, cap, carried, committed, held, remaining }) => ({
    unit: UNIT_OF_METRIC[metric],
    cap,
    committed,
    held,
    remaining,
    carried,
  }));
}

const STATE: Readonly<Record<ReservationState, wire.ReservationState>> = {
  open: wire.ReservationState.OPEN,
  committed: wire.ReservationState.COMMITTED,
  released: wire.ReservationState.RELEASED,
  expired: wire.ReservationState.EXPIRED,
};

export function reservationOf(reservation: Reservation): wire.Reservation {
  const { reservationId, state, held, committed, expiresAtMs, accounts } = reservation;
  return {
    reservationId,
    state: STATE[state],
    heldMicroUsd: held.costMicroUsd,
    heldInputTokens: held.inputTokens,
    heldOutputTokens: held.outputTokens,
    expiresAt: new Date(expiresAtMs),
    accounts: [...accounts],
    committedMicroUsd: committed.costMicroUsd,
    committedInputTokens: committed.inputTokens,
    committedOutputTokens: committed.outputTokens,
  };
}
