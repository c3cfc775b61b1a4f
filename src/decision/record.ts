import type { Amounts } from '../budgets/amounts.ts';
import type { SealedPerson } from '../person/person.ts';
import type { Complexity, Outcome } from './call.ts';
import type { Decision, Effect } from './decision.ts';
import type { EventName } from './events.ts';

/** What is known about the call itself; facts only, no personal data. */
export interface CallFacts {
  readonly tenant: string;
  readonly agent: string;
  readonly agentVersion: string;
  readonly provider: string;
  readonly user: string;
  readonly team: string;
  readonly roles: readonly string[];
  readonly system: string;
  readonly environment: string;
  readonly country: string;
  readonly dataClassification: readonly string[];
  /** Those that policies ask for. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly complexity: Complexity;
  readonly estimated: Amounts;
  readonly parentTraceId: string;
  /** What the person agreed to; empty when nothing was said. */
  readonly consent: string;
}

/**
 * One lineage record: one decision about one call. Settlement is appended apart and joined when
 * read.
 */
export interface DecisionRecord {
  readonly requestId: string;
  readonly fingerprint: string;
  readonly operation: 'authorize' | 'reserve' | 'extend';
  readonly traceId: string;
  readonly facts: CallFacts;
  /** Of the person behind the call; empty when nothing is known. */
  readonly personCommitment: string;
  /** Kept beside the record; absent in one that is read back. */
  readonly person: SealedPerson | undefined;
  /**
   * For a Reserve: the decision as it stands before the hold; the ledger completes it in its
   * transaction.
   */
  readonly decision: Decision;
  /** Empty when no hold was made. */
  readonly reservationId: string;
}

/** A record as it is read back, with its settlement. */
export interface StoredRecord {
  readonly requestId: string;
  readonly operation: DecisionRecord['operation'];
  readonly traceId: string;
  readonly facts: CallFacts;
  readonly personCommitment: string;
  readonly decision: Decision;
  readonly reservationId: string;
  /** Undefined until settled. */
  readonly settlement: Settlement | undefined;
}

export interface Settlement {
  /** `released` and `expired` are ends that the caller did not report as an outcome. */
  readonly end: Outcome | 'released' | 'expired';
  readonly amounts: Amounts;
  readonly settledAtMs: number;
  readonly durationMs: number | undefined;
  readonly errorMessage: string;
}

/** Which records to list; every field narrows. */
export interface RecordQuery {
  readonly tenant: string;
  readonly decisionId?: string;
  readonly requestId?: string;
  readonly traceId?: string;
  /** Of the person behind the call, as the records know it (PersonIndex). */
  readonly emailIndex?: string;
  readonly agent?: string;
  readonly user?: string;
  readonly effect?: Effect;
  readonly reasonCode?: string;
  readonly event?: EventName;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** 1 to 1,000. */
  readonly pageSize: number;
  /** As returned by the page before. */
  readonly pageToken?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string | undefined;
}
