import type { AccountReading, AccountSpec } from '../budgets/account.ts';
import type { Amounts } from '../budgets/amounts.ts';
import type { CounterSpec, WindowReading } from '../limits/counter.ts';
import type { Violation, ViolationCount } from '../limits/violation.ts';
import type { Calibration, Calibrations } from '../pricing/calibration.ts';
import type { ChainHead, Checkpoint } from './checkpoint.ts';
import type { CommitCommand, ExtendCommand, ReleaseCommand } from './call.ts';
import type { Person, SealedPerson } from '../person/person.ts';
import type { DecisionRecord, Page, RecordQuery, StoredRecord } from './record.ts';
import type { Snapshot } from './snapshot.ts';
import type { RollUp, UsageQuery, UsageRow } from './usage.ts';

/**
 * The ports of the decision pipeline. Denials, conflicts and outages are values: a port's promise
 * rejects only on a defect. Every adapter of a port passes the same conformance suite in
 * test/conformance.
 */

/** A store cannot answer. `problem` is for operators, never for callers. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly problem: string;
  /** True when certainly nothing was done; else nobody knows, and only a repeat will tell. */
  readonly undone?: boolean;
}

/** The bounded queue in front of a store is full. */
export interface Overloaded {
  readonly kind: 'overloaded';
  readonly retryAfterMs: number;
}

/** What is wrong, for operators and never for callers. */
interface Problem {
  readonly problem: string;
}

/** A question was given up because its answer took the store too long. */
export interface TooBroad {
  readonly kind: 'too_broad';
  readonly problem: string;
}

/** The request id was used before with a different body. */
export interface Conflict {
  readonly kind: 'conflict';
}

export interface Health {
  readonly adapter: string;
  readonly healthy: boolean;
  /** Empty when healthy, except for what could not be checked. */
  readonly problem: string;
}

// ── Rate windows ─────────────────────────────────────────────────────────────────────────────────

export interface TakeRequest {
  readonly tenant: string;
  readonly requestId: string;
  readonly fingerprint: string;
  /** Names the call when it is settled. Not empty when a counter is settled later. */
  readonly callId: string;
  /** At most 64. */
  readonly counters: readonly CounterSpec[];
}

/** A call has ended. */
export interface SettleCallRequest {
  readonly tenant: string;
  readonly callId: string;
  /** Input and output tokens that it used, a whole number ≥ 0; 0 when it was never dispatched. */
  readonly tokens: number;
}

export type TakeOutcome =
  /**
   * Taken from every window of every counter. `replayed`: by an earlier try of the same request.
   */
  | {
      readonly kind: 'taken';
      readonly replayed: boolean;
      readonly windows: readonly WindowReading[];
    }
  /** Nothing was taken anywhere: at least one window has no room. */
  | {
      readonly kind: 'denied';
      readonly replayed: boolean;
      readonly windows: readonly WindowReading[];
    }
  | Conflict
  | Unavailable
  | Overloaded;

/** Counts calls in sliding windows, all counters of a call or none. */
export interface RateLimiter {
  /**
   * Takes from all windows or from none, and remembers the verdict under the request id for at
   * least ten minutes.
   */
  take(request: TakeRequest): Promise<TakeOutcome>;
  /**
   * Gives back what `take` took for this request id, to the sub-buckets it came from, and forgets
   * the request: a repeat is then decided anew. When several tries of a request were answered
   * `taken`, they share it: it is given back once all of them have given it back.
   */
  refund(request: TakeRequest): Promise<'refunded' | 'nothing' | Unavailable>;
  /**
   * Corrects what a call took of tokens to what it used, in the windows as they were when it took,
   * and ends its leases. Does nothing the second time.
   */
  settle(request: SettleCallRequest): Promise<'settled' | 'nothing' | Unavailable>;
  /** Reads without taking. */
  peek(
    tenant: string,
    counters: readonly CounterSpec[],
  ): Promise<readonly WindowReading[] | Unavailable>;
  /**
   * Counters whose counts are known to be too low, because the store has lost some, until their
   * windows have passed. They are not to be taken from: each limit says what that means.
   */
  uncounted(tenant: string, counters: readonly CounterSpec[]): readonly CounterSpec[];
  /**
   * Adds to how often the tenant's limits denied. Limits and scopes past MAX_VIOLATIONS of one
   * tenant are not counted.
   * @returns what each of them adds up to.
   */
  addViolations(
    tenant: string,
    counts: readonly ViolationCount[],
  ): Promise<readonly Violation[] | Unavailable>;
  /** How often the tenant's limits denied, in any order. */
  violations(tenant: string): Promise<readonly Violation[] | Unavailable>;
  health(): Promise<Health>;
  close(): Promise<void>;
}

// ── Money and tokens ─────────────────────────────────────────────────────────────────────────────

export type ReservationState = 'open' | 'committed' | 'released' | 'expired';

export interface Reservation {
  readonly reservationId: string;
  readonly decisionId: string;
  /** Decision under which its rate windows were taken: its own, or that of the token. */
  readonly callId: string;
  readonly state: ReservationState;
  readonly held: Amounts;
  readonly committed: Amounts;
  readonly expiresAtMs: number;
  /** Account ids, in the order of the specs that were given to `hold`. */
  readonly accounts: readonly string[];
  /** What prices its tokens. */
  readonly pricing: ReservationPricing;
}

export interface ReservationPricing {
  readonly agent: string;
  readonly platform: string;
  readonly model: string;
  readonly complexity: string;
}

export interface HoldRequest {
  readonly tenant: string;
  readonly requestId: string;
  readonly fingerprint: string;
  readonly reservationId: string;
  readonly amounts: Amounts;
  /** At most 64. May be empty: the reservation is then recorded and charged to nobody. */
  readonly accounts: readonly AccountSpec[];
  readonly holdForMs: number;
  /** Hold what is left, at least one invocation, when the whole estimate does not fit. */
  readonly acceptPartial: boolean;
  /** Decision whose token is spent by this hold; empty when none. */
  readonly authorizedBy: string;
  readonly pricing: ReservationPricing;
  /** Written in the hold's transaction, completed with its outcome. */
  readonly record: DecisionRecord;
}

/**
 * `record` is the one stored first: on a replay, that of the first try. `accounts` in the order of
 * the specs.
 */
export type HoldOutcome =
  | {
      readonly kind: 'held';
      readonly replayed: boolean;
      readonly record: DecisionRecord;
      readonly reservation: Reservation;
      /** After the hold. */
      readonly accounts: readonly AccountReading[];
    }
  /** Nothing was held anywhere. */
  | {
      readonly kind: 'denied';
      readonly replayed: boolean;
      readonly cause: 'short' | 'token_used';
      readonly record: DecisionRecord;
      /** What was asked for, as the first try asked. */
      readonly amounts: Amounts;
      /** As they stand, without this call. */
      readonly accounts: readonly AccountReading[];
    }
  | Conflict
  | Unavailable
  | Overloaded;

export type SettleOutcome =
  | {
      readonly kind: 'settled';
      readonly replayed: boolean;
      readonly reservation: Reservation;
      readonly accounts: readonly AccountReading[];
      /** Actual cost minus held cost where positive. */
      readonly overrunMicroUsd: bigint;
      /** The hold had expired; its presumed cost was corrected. */
      readonly late: boolean;
    }
  | { readonly kind: 'not_found' }
  /** The reservation is already committed or released by another request. */
  | { readonly kind: 'wrong_state'; readonly state: ReservationState }
  | Conflict
  | Unavailable
  | Overloaded;

export interface CommitRequest extends Omit<CommitCommand, 'usage'> {
  /** Priced; `invocations` is 1. */
  readonly actual: Amounts;
}

export interface ExtendRequest extends ExtendCommand {
  /** As for `hold`. */
  readonly record: DecisionRecord;
}

export type ExtendOutcome =
  | HoldOutcome
  | { readonly kind: 'not_found' }
  | { readonly kind: 'wrong_state'; readonly state: ReservationState };

/** What an earlier request left behind, looked up by its id. */
export type RecallOutcome = HoldOutcome | { readonly kind: 'nothing' };

/** Holds and settles money durably: all accounts of a call or none, each request once. */
export interface BudgetLedger {
  hold(request: HoldRequest): Promise<HoldOutcome>;
  /** The stored outcome of an earlier `hold` with this request id, without doing anything. */
  recall(tenant: string, requestId: string, fingerprint: string): Promise<RecallOutcome>;
  /** Charges the actual usage, whatever it is; also after expiry. */
  commit(request: CommitRequest): Promise<SettleOutcome>;
  /** Gives the whole hold back; only while it is open. */
  release(request: ReleaseCommand): Promise<SettleOutcome>;
  extend(request: ExtendRequest): Promise<ExtendOutcome>;
  /** Accounts as they stand now; those never charged read as empty. In the order of the specs. */
  read(
    tenant: string,
    accounts: readonly AccountSpec[],
  ): Promise<readonly AccountReading[] | Unavailable | Overloaded>;
  reservation(
    tenant: string,
    reservationId: string,
  ): Promise<Reservation | { readonly kind: 'not_found' } | Unavailable | Overloaded>;
  accounts(query: AccountQuery): Promise<Page<AccountReading> | Unavailable>;
  /** What was charged, from the entries; ordered by time, then by the dimensions. */
  usage(query: UsageQuery): Promise<Page<UsageRow> | Unavailable>;
  /**
   * Presumes spent every open hold whose time is over, at most `most` of them; answers how many.
   */
  expire(most: number): Promise<number | Unavailable>;
  /**
   * Moves what is settled and older out of the way of new calls, the oldest first: at most
   * `mostBatches` transactions of the past; answers how many. Until then a request id is
   * remembered.
   */
  archive(olderThanMs: number, mostBatches: number): Promise<number | Unavailable>;
  health(): Promise<Health>;
  close(): Promise<void>;
}

export interface AccountQuery {
  readonly tenant: string;
  readonly budgetId?: string;
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

// ── Usage ────────────────────────────────────────────────────────────────────────────────────────

/** Sums what the ledger charged by hour and day, behind the decisions. */
export interface UsageSums {
  /**
   * Brings the sums closer to the entries, by at most `mostEntries` or by one batch. Each entry is
   * summed once, whatever stops half way; several processes may do it at the same time.
   */
  rollUp(mostEntries: number): Promise<RollUp | Unavailable>;
  /** At most `most`, those that change a price first. Of one tenant, or of all. */
  calibrations(most: number, tenant?: string): Promise<readonly Calibration[] | Unavailable>;
}

/** Knows the factors in force, without asking anybody. */
export interface CalibrationSource {
  current(): Calibrations;
}

// ── The record ───────────────────────────────────────────────────────────────────────────────────

/** Keeps decisions that hold nothing. Those that hold are written by the ledger. */
export interface Lineage {
  /**
   * Appends in one transaction; a decision id that is there already is left as it is.
   * @param rows each as `recordRow` makes it, in UTF-8.
   */
  append(rows: readonly Uint8Array[]): Promise<'appended' | Unavailable>;
  get(
    tenant: string,
    decisionId: string,
  ): Promise<StoredRecord | { readonly kind: 'not_found' } | Unavailable>;
  /**
   * Newest first, by time and decision id. A page may have fewer than asked for, or none, while
   * there is a next one.
   */
  list(
    query: RecordQuery,
  ): Promise<Page<StoredRecord> | TooBroad | (Overloaded & Problem) | Unavailable>;
}

export interface SealedCheckpoint extends Checkpoint {
  /** What the batch is sealed with now; undefined when it is not there. */
  readonly sealed: string | undefined;
}

/** Signed heads of the chains that records are in. */
export interface Checkpoints {
  /** Heads that have grown since they were last signed, at most `most`. */
  unsigned(most: number): Promise<readonly ChainHead[] | Unavailable>;
  /** @returns how many were not there yet. */
  keep(checkpoints: readonly Checkpoint[]): Promise<number | Unavailable>;
  /** In the order of tenants and batches. Rejects when the store cannot answer. */
  list(tenant?: string): AsyncIterable<SealedCheckpoint>;
  /** What these batches are sealed with now, in order. Rejects as `list` does. */
  sealedAs(heads: readonly ChainHead[]): Promise<readonly (string | undefined)[]>;
}

/** Seals what is known about persons under keys of their own, so that it can be forgotten. */
export interface PersonSealer {
  /** Undefined when nothing is known. */
  seal(tenant: string, person: Person): SealedPerson | undefined;
}

/** Knows by what records of a person are found. */
export interface PersonIndex {
  /** Of an e-mail address, in any case of letters; undefined while nobody knows. */
  emailIndex(tenant: string, email: string): string | undefined;
}

/**
 * Takes a record so that it survives this process, then brings it to the Lineage in its own time.
 */
export interface Recorder {
  /**
   * Resolves when the record survives a kill of this process. `dropped`: it could not be kept, and
   * calls go on without one, as configured.
   */
  record(record: DecisionRecord): Promise<'recorded' | 'dropped' | Unavailable>;
  /** Records taken and not yet in the Lineage. */
  waiting(): number;
  status(): Health;
  /** Brings what is waiting to the Lineage, within the time given; what is left stays on disk. */
  close(withinMs: number): Promise<void>;
}

// ── Configuration ────────────────────────────────────────────────────────────────────────────────

/** Serves the configuration in force. */
export interface ConfigSource {
  /** The last good revision; changes atomically. */
  current(): Snapshot;
  /** Why a newer configuration was refused; empty when none was. */
  refusal(): string;
  close(): Promise<void>;
}
