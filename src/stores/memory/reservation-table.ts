import { ZERO_AMOUNTS, type Amounts } from '../../budgets/amounts.ts';
import type { HoldRequest, Reservation, ReservationState } from '../../decision/ports.ts';
import { Generations } from '../../lib/generations.ts';
import type { LedgerAccount } from './ledger-account.ts';

/** One hold, as it stands. */
export interface HeldCall {
  readonly tenant: string;
  readonly fixed: Pick<Reservation, 'reservationId' | 'decisionId' | 'callId' | 'pricing'>;
  readonly accounts: readonly LedgerAccount[];
  state: ReservationState;
  held: Amounts;
  committed: Amounts;
  expiresAtMs: number;
}

/**
 * Reservations by tenant and id: all that can still be charged, open or expired, and of the others
 * the latest.
 */
export class ReservationTable {
  readonly #live = new Map<string, Map<string, HeldCall>>();
  readonly #ended: Generations<HeldCall> | undefined;
  /** Held or asked for last: mostly the one that is asked for next. */
  #latest: HeldCall | undefined;

  /** @param endedKept of the others, at least; twice at most. */
  constructor(endedKept: number) {
    this.#ended = endedKept > 0 ? new Generations(endedKept) : undefined;
  }

  get(tenant: string, reservationId: string): HeldCall | undefined {
    const latest = this.#latest;
    if (latest?.fixed.reservationId === reservationId && latest.tenant === tenant) return latest;
    const live = this.#live.get(tenant)?.get(reservationId);
    const call = live ?? this.#ended?.get(keyOf(tenant, reservationId));
    if (call) this.#latest = call;
    return call;
  }

  add(
    request: HoldRequest,
    held: Amounts,
    accounts: readonly LedgerAccount[],
    nowMs: number,
  ): HeldCall {
    const { tenant, reservationId, record, authorizedBy, pricing, holdForMs } = request;
    const { decisionId } = record.decision;
    const call: HeldCall = {
      tenant,
      fixed: { reservationId, decisionId, callId: authorizedBy || decisionId, pricing },
      accounts,
      state: 'open',
      held,
      committed: ZERO_AMOUNTS,
      expiresAtMs: nowMs + holdForMs,
    };
    this.#liveOf(tenant).set(reservationId, call);
    this.#latest = call;
    return call;
  }

  /** Nothing is held any more. */
  end(call: HeldCall, state: ReservationState, committed: Amounts): void {
    if (state !== 'expired') {
      const { reservationId } = call.fixed;
      this.#liveOf(call.tenant).delete(reservationId);
      this.#latest = undefined;
      this.#ended?.set(keyOf(call.tenant, reservationId), call);
    }
    call.state = state;
    call.held = ZERO_AMOUNTS;
    call.committed = committed;
  }

  /** Open ones whose time is over, the oldest first. */
  overdue(nowMs: number): readonly HeldCall[] {
    return [...this.#live.values()]
      .flatMap((calls) => [...calls.values()])
      .filter(({ state, expiresAtMs }) => state === 'open' && expiresAtMs <= nowMs)
      .sort((a, b) => a.expiresAtMs - b.expiresAtMs);
  }

  #liveOf(tenant: string): Map<string, HeldCall> {
    const known = this.#live.get(tenant);
    if (known) return known;
    const calls = new Map<string, HeldCall>();
    this.#live.set(tenant, calls);
    return calls;
  }
}

export function reservationOf(call: HeldCall): Reservation {
  const { fixed, state, held, committed, expiresAtMs, accounts } = call;
  return {
    reservationId: fixed.reservationId,
    decisionId: fixed.decisionId,
    callId: fixed.callId,
    pricing: fixed.pricing,
    state,
    held,
    committed,
    expiresAtMs,
    accounts: accounts.map(({ id }) => id),
  };
}

function keyOf(tenant: string, reservationId: string): string {
  return `${tenant}\n${reservationId}`;
}
