import type { AccountReading, AccountSpec } from '../../budgets/account.ts';
import { ZERO_AMOUNTS, plus, type Amounts } from '../../budgets/amounts.ts';
import type { ReleaseCommand } from '../../decision/call.ts';
import type {
  AccountQuery,
  BudgetLedger,
  CommitRequest,
  Conflict,
  ExtendOutcome,
  ExtendRequest,
  Health,
  HoldOutcome,
  HoldRequest,
  RecallOutcome,
  Reservation,
  SettleOutcome,
  Unavailable,
} from '../../decision/ports.ts';
import type { DecisionRecord, Page } from '../../decision/record.ts';
import type { UsageRow } from '../../decision/usage.ts';
import type { Clock } from '../../lib/clock.ts';
import { Generations } from '../../lib/generations.ts';
import { minus, type LedgerAccount } from './ledger-account.ts';
import { LedgerAccounts } from './ledger-accounts.ts';
import { admitHold, admitsExtension } from './ledger-admission.ts';
import { reservationOf, ReservationTable, type HeldCall } from './reservation-table.ts';

export interface MemoryLedgerOptions {
  readonly clock: Clock;
  /**
   * Requests, tokens and settled reservations that are remembered at least, of each; twice at most.
   * 0 when nobody repeats anything.
   */
  readonly remembered: number;
  /** Told every record of a hold or an extension, held or denied. */
  readonly onRecord?: (record: DecisionRecord) => void;
}

type Settled = Extract<SettleOutcome, { readonly kind: 'settled' }>;
type Decided = Extract<HoldOutcome, { readonly kind: 'held' | 'denied' }>;
type Operation = 'hold' | 'extend' | 'commit' | 'release';

interface Answered {
  readonly operation: Operation;
  readonly fingerprint: string;
  readonly outcome: Decided | Settled;
}

type Identity = Pick<HoldRequest, 'tenant' | 'requestId' | 'fingerprint'>;

/**
 * The ledger in memory: for replays, never for serving, because nothing here survives the process.
 * The rules are those of src/stores/postgres/migrations; the conformance suite and random programs
 * hold both equal. Operations are decided one after the other, each as a batch of its own.
 */
export class MemoryLedger implements BudgetLedger {
  readonly #clock: Clock;
  readonly #onRecord: ((record: DecisionRecord) => void) | undefined;
  readonly #accounts = new LedgerAccounts();
  readonly #reservations: ReservationTable;
  readonly #answered: Generations<Answered> | undefined;
  readonly #spentTokens: Generations<true> | undefined;

  constructor({ clock, remembered, onRecord }: MemoryLedgerOptions) {
    this.#clock = clock;
    this.#onRecord = onRecord;
    this.#reservations = new ReservationTable(remembered);
    this.#answered = remembered > 0 ? new Generations(remembered) : undefined;
    this.#spentTokens = remembered > 0 ? new Generations(remembered) : undefined;
  }

  async hold(request: HoldRequest): Promise<HoldOutcome> {
    const earlier = this.#earlier('hold', request);
    if (earlier) return earlier as Decided | Conflict;
    const { tenant, reservationId } = request;
    if (this.#reservations.get(tenant, reservationId)) return CONFLICT;
    const nowMs = this.#clock.nowMs();
    const accounts = this.#accounts.open(tenant, request.accounts, nowMs);
    return this.#keep('hold', request, this.#decideHold(request, accounts, nowMs));
  }

  async recall(tenant: string, requestId: string, fingerprint: string): Promise<RecallOutcome> {
    const earlier = this.#earlier('hold', { tenant, requestId, fingerprint });
    return (earlier as Decided | Conflict | undefined) ?? NOTHING;
  }

  async commit(request: CommitRequest): Promise<SettleOutcome> {
    return this.#settle('commit', request, request.actual);
  }

  async release(request: ReleaseCommand): Promise<SettleOutcome> {
    return this.#settle('release', request, ZERO_AMOUNTS);
  }

  async extend(request: ExtendRequest): Promise<ExtendOutcome> {
    const earlier = this.#earlier('extend', request);
    if (earlier) return earlier as Decided | Conflict;
    const call = this.#reservations.get(request.tenant, request.reservationId);
    if (!call) return NOT_FOUND;
    if (call.state !== 'open') return { kind: 'wrong_state', state: call.state };
    return this.#keep('extend', request, this.#decideExtension(request, call));
  }

  async read(tenant: string, specs: readonly AccountSpec[]): Promise<readonly AccountReading[]> {
    const nowMs = this.#clock.nowMs();
    return specs.map((spec) => this.#accounts.look(tenant, spec, nowMs).reading(spec));
  }

  async reservation(
    tenant: string,
    reservationId: string,
  ): Promise<Reservation | { readonly kind: 'not_found' }> {
    const call = this.#reservations.get(tenant, reservationId);
    return call ? reservationOf(call) : NOT_FOUND;
  }

  async accounts(query: AccountQuery): Promise<Page<AccountReading>> {
    const { tenant, budgetId, pageSize, pageToken = '' } = query;
    const rest = this.#accounts
      .list(tenant)
      .filter(({ id, spec }) => id > pageToken && (budgetId ?? spec.budgetId) === spec.budgetId);
    const items = rest.slice(0, pageSize).map((account) => account.reading());
    return { items, nextPageToken: rest.length > pageSize ? items.at(-1)?.account : undefined };
  }

  /** No entries are kept that charges could be summed from. */
  async usage(): Promise<Page<UsageRow> | Unavailable> {
    return { kind: 'unavailable', problem: 'the ledger in memory keeps no entries' };
  }

  async expire(most: number): Promise<number> {
    const overdue = this.#reservations.overdue(this.#clock.nowMs()).slice(0, most);
    for (const call of overdue) this.#presumeSpent(call);
    return overdue.length;
  }

  /** Presumes one hold spent, whatever its time. @returns what is charged; nothing unless open. */
  expireOne(tenant: string, reservationId: string): Amounts {
    const call = this.#reservations.get(tenant, reservationId);
    if (call?.state !== 'open') return ZERO_AMOUNTS;
    this.#presumeSpent(call);
    return call.committed;
  }

  /** There is nothing to move out of the way. */
  async archive(): Promise<number> {
    return 0;
  }

  async health(): Promise<Health> {
    return { adapter: 'memory', healthy: true, problem: '' };
  }

  async close(): Promise<void> {}

  #decideHold(request: HoldRequest, accounts: readonly LedgerAccount[], nowMs: number): Decided {
    const { tenant, record, amounts, authorizedBy, acceptPartial } = request;
    this.#onRecord?.(record);
    if (authorizedBy !== '' && this.#spentTokens?.get(keyOf(tenant, authorizedBy))) {
      return denied('token_used', record, amounts, accounts);
    }
    const given = admitHold(amounts, accounts, acceptPartial);
    if (!given) return denied('short', record, amounts, accounts);
    if (authorizedBy !== '') this.#spentTokens?.set(keyOf(tenant, authorizedBy), true);
    move(accounts, given, ZERO_AMOUNTS);
    return held(record, this.#reservations.add(request, given, accounts, nowMs));
  }

  #decideExtension({ record, add, holdForMs }: ExtendRequest, call: HeldCall): Decided {
    this.#onRecord?.(record);
    if (!admitsExtension(add, call.accounts)) return denied('short', record, add, call.accounts);
    move(call.accounts, add, ZERO_AMOUNTS);
    call.held = plus(call.held, add);
    if (holdForMs !== undefined) {
      call.expiresAtMs = Math.max(call.expiresAtMs, this.#clock.nowMs() + holdForMs);
    }
    return held(record, call);
  }

  #settle(
    operation: 'commit' | 'release',
    request: Identity & { readonly reservationId: string },
    actual: Amounts,
  ): SettleOutcome {
    const earlier = this.#earlier(operation, request);
    if (earlier) return earlier as Settled | Conflict;
    const call = this.#reservations.get(request.tenant, request.reservationId);
    if (!call) return NOT_FOUND;
    const late = call.state === 'expired' && operation === 'commit';
    if (call.state !== 'open' && !late) return { kind: 'wrong_state', state: call.state };
    const overrun = actual.costMicroUsd - call.held.costMicroUsd - call.committed.costMicroUsd;
    this.#end(call, operation === 'commit' ? 'committed' : 'released', actual);
    return this.#keep(operation, request, {
      kind: 'settled',
      replayed: false,
      reservation: reservationOf(call),
      accounts: readings(call.accounts),
      overrunMicroUsd: operation === 'commit' && overrun > 0n ? overrun : 0n,
      late,
    });
  }

  #presumeSpent(call: HeldCall): void {
    this.#end(call, 'expired', call.held);
  }

  #end(call: HeldCall, state: HeldCall['state'], actual: Amounts): void {
    const back = call.held === ZERO_AMOUNTS ? ZERO_AMOUNTS : minus(ZERO_AMOUNTS, call.held);
    const spent = call.committed === ZERO_AMOUNTS ? actual : minus(actual, call.committed);
    move(call.accounts, back, spent);
    this.#reservations.end(call, state, actual);
  }

  /** What an earlier request under the same id was answered. */
  #earlier(operation: Operation, request: Identity): Decided | Settled | Conflict | undefined {
    const known = this.#answered?.get(keyOf(request.tenant, request.requestId));
    if (!known) return undefined;
    const same = known.operation === operation && known.fingerprint === request.fingerprint;
    return same ? { ...known.outcome, replayed: true } : CONFLICT;
  }

  #keep<T extends Decided | Settled>(
    operation: Operation,
    { tenant, requestId, fingerprint }: Identity,
    outcome: T,
  ): T {
    this.#answered?.set(keyOf(tenant, requestId), { operation, fingerprint, outcome });
    return outcome;
  }
}

const CONFLICT: Conflict = { kind: 'conflict' };
const NOT_FOUND = { kind: 'not_found' } as const;
const NOTHING = { kind: 'nothing' } as const;

function keyOf(tenant: string, id: string): string {
  return `${tenant}\n${id}`;
}

function held(record: DecisionRecord, call: HeldCall): Decided {
  const reservation = reservationOf(call);
  return { kind: 'held', replayed: false, record, reservation, accounts: readings(call.accounts) };
}

function denied(
  cause: 'short' | 'token_used',
  record: DecisionRecord,
  amounts: Amounts,
  accounts: readonly LedgerAccount[],
): Decided {
  return { kind: 'denied', replayed: false, cause, record, amounts, accounts: readings(accounts) };
}

function readings(accounts: readonly LedgerAccount[]): readonly AccountReading[] {
  return accounts.map((account) => account.reading());
}

/** What was settled or given in a period that has ended changes what later ones were given. */
function move(accounts: readonly LedgerAccount[], heldMore: Amounts, committedMore: Amounts): void {
  for (const account of accounts) {
    account.move(heldMore, committedMore);
    if (account.successor) account.carryOver();
  }
}
