import type { Amounts } from '../budgets/amounts.ts';
import type { DecisionRecord } from './record.ts';

/** What the record tells of the past, one event after the other. */
export type RecordedEvent = RecordedDecision | RecordedEnd;

export interface RecordedDecision {
  readonly kind: 'decision';
  /** By the ledger's clock; where the ledger was not asked, when it was decided. */
  readonly atMs: number;
  /** With the decision as it was answered. */
  readonly record: DecisionRecord;
  /** Undefined when nothing was held. */
  readonly hold: RecordedHold | undefined;
}

/** What the ledger gave to a Reserve, or added to it for an Extend. */
export interface RecordedHold {
  readonly reservationId: string;
  /** Decision whose token was spent; empty when none. */
  readonly authorizedBy: string;
  readonly held: Amounts;
  readonly expiresAtMs: number;
}

/** A call has ended, or nobody settled it in time and its hold was presumed spent. */
export interface RecordedEnd {
  readonly kind: 'commit' | 'release' | 'expiry';
  readonly atMs: number;
  readonly tenant: string;
  readonly reservationId: string;
  /** All that is charged for the call by then; nothing for a release. */
  readonly actual: Amounts;
}

/** Which part of the record to read. */
export interface RecordedRange {
  /** Absent means all. */
  readonly tenant?: string;
  readonly fromMs?: number;
  /** Exclusive. */
  readonly toMs?: number;
}

/**
 * Reads the record in the order of the books. Pages are bounded, and one is read after the other.
 */
export interface RecordedCalls {
  /**
   * Lends the events to `use` for as long as it runs: one snapshot of the record. Rejects when the
   * store cannot answer.
   */
  recorded<T>(
    range: RecordedRange,
    use: (pages: AsyncIterable<readonly RecordedEvent[]>) => Promise<T>,
  ): Promise<T>;
}
