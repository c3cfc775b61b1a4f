import type {
  CommitRequest,
  ExtendRequest,
  HoldRequest,
  ReservationState,
} from '../../src/decision/ports.ts';
import type { ReleaseCommand } from '../../src/decision/call.ts';

export type ModelOp =
  | { readonly kind: 'hold'; readonly request: HoldRequest }
  | { readonly kind: 'commit'; readonly request: CommitRequest }
  | { readonly kind: 'release'; readonly request: ReleaseCommand }
  | { readonly kind: 'extend'; readonly request: ExtendRequest };

interface ModelAccount {
  /** Undefined means uncapped. */
  cap: bigint | undefined;
  soft: boolean;
  held: bigint;
  committed: bigint;
}

interface ModelReservation {
  readonly accounts: readonly string[];
  state: ReservationState;
  held: bigint;
  committed: bigint;
  expiresAtMs: number;
}

/**
 * The ledger as simply as it can be said, money only: maps, no batches of SQL, no locks. Operations
 * that are given together are those of one batch: settlements have their effect first, then holds
 * and extensions in order.
 */
export class LedgerModel {
  readonly accounts = new Map<string, ModelAccount>();
  readonly reservations = new Map<string, ModelReservation>();
  readonly #answers = new Map<string, { kind: string; fingerprint: string; answer: string }>();
  readonly #spent = new Set<string>();

  /** @returns one line for each op, comparable with `lineOf` of the real outcome. */
  batch(ops: readonly ModelOp[], nowMs: number): string[] {
    const answers = new Map<number, string>();
    const firsts = new Map<string, number>();
    const todo = ops.flatMap((op, index) => {
      const { requestId, fingerprint } = op.request;
      const known = this.#answers.get(requestId);
      if (known) {
        const same = known.kind === op.kind && known.fingerprint === fingerprint;
        answers.set(index, same ? `again ${known.answer}` : 'conflict');
        return [];
      }
      const first = firsts.get(requestId);
      if (first === undefined) {
        firsts.set(requestId, index);
        return [{ op, index }];
      }
      return [];
    });
    for (const { op } of todo) if (op.kind === 'hold') this.#configure(op.request);
    const settles = todo.filter(({ op }) => op.kind === 'commit' || op.kind === 'release');
    const asks = todo.filter(({ op }) => op.kind === 'hold' || op.kind === 'extend');
    for (const { op, index } of settles) {
      answers.set(index, this.#settle(op));
    }
    // A loser reads the state that the winner of its batch left.
    for (const { op, index } of settles) {
      if (answers.get(index)?.startsWith('wrong_state')) {
        answers.set(index, `wrong_state ${this.#stateOf(op.request)}`);
      }
    }
    for (const { op, index } of asks) {
      answers.set(index, this.#ask(op, nowMs));
    }
    for (const { op, index } of todo) {
      const answer = answers.get(index) ?? '';
      if (/^(held|denied|settled)/.test(answer)) {
        const { requestId, fingerprint } = op.request;
        this.#answers.set(requestId, { kind: op.kind, fingerprint, answer });
      }
    }
    return ops.map((op, index) => {
      const answer = answers.get(index);
      if (answer !== undefined) return answer;
      const first = firsts.get(op.request.requestId) ?? 0;
      const twin = ops[first];
      const same = twin?.kind === op.kind && twin.request.fingerprint === op.request.fingerprint;
      if (!same) return 'conflict';
      const firstAnswer = answers.get(first) ?? '';
      return /^(held|denied|settled)/.test(firstAnswer) ? `again ${firstAnswer}` : firstAnswer;
    });
  }

  expire(most: number, nowMs: number): number {
    const overdue = [...this.reservations.values()]
      .filter(({ state, expiresAtMs }) => state === 'open' && expiresAtMs <= nowMs)
      .toSorted((a, b) => a.expiresAtMs - b.expiresAtMs)
      .slice(0, most);
    for (const reservation of overdue) {
      this.#move(reservation.accounts, -reservation.held, reservation.held);
      Object.assign(reservation, { state: 'expired', committed: reservation.held, held: 0n });
    }
    return overdue.length;
  }

  #configure({ accounts }: HoldRequest): void {
    for (const { budgetId, caps, soft } of accounts) {
      const account = this.accounts.get(budgetId) ?? { held: 0n, committed: 0n };
      this.accounts.set(budgetId, { ...account, cap: caps.costMicroUsd, soft });
    }
  }

  #stateOf({ reservationId }: { readonly reservationId: string }): string {
    return this.reservations.get(reservationId)?.state ?? 'none';
  }

  #settle(op: ModelOp): string {
    const reservation = this.reservations.get(op.request.reservationId);
    if (!reservation) return 'not_found';
    const { state, accounts, held, committed } = reservation;
    const applies = state === 'open' || (state === 'expired' && op.kind === 'commit');
    if (!applies) return `wrong_state ${state}`;
    const actual = op.kind === 'commit' ? op.request.actual.costMicroUsd : 0n;
    this.#move(accounts, -held, actual - committed);
    const over = actual - held - committed;
    Object.assign(reservation, {
      state: op.kind === 'commit' ? 'committed' : 'released',
      held: 0n,
      committed: actual,
    });
    const overrun = op.kind === 'commit' && over > 0n ? over : 0n;
    return `settled ${reservation.state} ${actual} over ${overrun} late ${state === 'expired'}`;
  }

  #ask(op: ModelOp, nowMs: number): string {
    if (op.kind === 'hold') return this.#hold(op.request, nowMs);
    if (op.kind === 'extend') return this.#extend(op.request, nowMs);
    throw new Error(op.kind);
  }

  #hold(request: HoldRequest, nowMs: number): string {
    const { authorizedBy, reservationId, holdForMs } = request;
    if (authorizedBy !== '' && this.#spent.has(authorizedBy)) return 'denied token_used';
    const names = request.accounts.map(({ budgetId }) => budgetId);
    const asked = request.amounts.costMicroUsd;
    const rooms = names.map((name) => this.#room(name)).filter((room) => room !== undefined);
    const room = rooms.reduce((least, one) => (one < least ? one : least), asked);
    const blocked = names.some((name) => this.#capOf(name) === 0n);
    const least = asked > 0n ? 1n : 0n;
    const given = request.acceptPartial && room >= least ? room : asked;
    if (blocked || given > room) return 'denied short';
    if (authorizedBy !== '') this.#spent.add(authorizedBy);
    this.#move(names, given, 0n);
    const expiresAtMs = nowMs + holdForMs;
    this.reservations.set(reservationId, {
      ...{ accounts: names, state: 'open', held: given, committed: 0n, expiresAtMs },
    });
    return `held ${given} until ${expiresAtMs}`;
  }

  #extend({ reservationId, add, holdForMs }: ExtendRequest, nowMs: number): string {
    const reservation = this.reservations.get(reservationId);
    if (!reservation) return 'not_found';
    if (reservation.state !== 'open') return `wrong_state ${reservation.state}`;
    const rooms = reservation.accounts.map((name) => this.#room(name));
    const short = rooms.some((room) => room !== undefined && add.costMicroUsd > room);
    if (add.costMicroUsd > 0n && short) return 'denied short';
    this.#move(reservation.accounts, add.costMicroUsd, 0n);
    reservation.held += add.costMicroUsd;
    const until = nowMs + (holdForMs ?? -Infinity);
    reservation.expiresAtMs = Math.max(reservation.expiresAtMs, until);
    return `held ${reservation.held} until ${reservation.expiresAtMs}`;
  }

  #capOf(name: string): bigint | undefined {
    const account = this.accounts.get(name);
    return account?.soft ? undefined : account?.cap;
  }

  #room(name: string): bigint | undefined {
    const { held = 0n, committed = 0n } = this.accounts.get(name) ?? {};
    const cap = this.#capOf(name);
    return cap === undefined ? undefined : cap - held - committed;
  }

  #move(names: readonly string[], held: bigint, committed: bigint): void {
    for (const name of names) {
      const account = this.accounts.get(name);
      if (!account) throw new Error(`no account ${name}`);
      account.held += held;
      account.committed += committed;
    }
  }
}
