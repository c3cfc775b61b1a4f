import type { Violation } from '../limits/violation.ts';
import type { Policy } from '../policy/policy.ts';
import type { Combining } from '../policy/verdict.ts';
import type { Calibration } from '../pricing/calibration.ts';
import type { Call } from './call.ts';
import type { AccountStatus, WindowStatus } from './decision.ts';
import type {
  AccountQuery,
  Health,
  Overloaded,
  Reservation,
  TooBroad,
  Unavailable,
} from './ports.ts';
import type { Page, RecordQuery, StoredRecord } from './record.ts';
import type { UsageQuery, UsageRow } from './usage.ts';

/** A question that cannot be answered. */
export type QueryRefusal =
  | { readonly kind: 'unknown_tenant' }
  /** Nothing is kept under this id. */
  | { readonly kind: 'not_found' }
  | TooBroad
  | Unavailable
  | Overloaded;

/** As RecordQuery, with the e-mail address as a person says it. */
export interface DecisionQuery extends Omit<RecordQuery, 'emailIndex'> {
  readonly email?: string;
}

/** One part that decisions depend on. */
export interface ComponentHealth extends Health {
  readonly name: 'rate_limiter' | 'ledger' | 'configuration' | 'record';
}

/** What is in force in this process, and whether its stores answer. */
export interface ProcessStatus {
  readonly version: string;
  readonly configurationRevision: string;
  readonly configurationLoadedAtMs: number;
  /** Why a newer configuration was refused; empty when none was. */
  readonly configurationError: string;
  readonly components: readonly ComponentHealth[];
  readonly recordsWaiting: number;
  readonly startedAtMs: number;
}

/** Policies in force for a tenant, in evaluation order. */
export interface PoliciesInForce {
  readonly combining: Combining;
  readonly policies: readonly Policy[];
}

/** Violations, and the time by which some of them go on. */
export interface ViolationList {
  readonly violations: readonly Violation[];
  readonly nowMs: number;
}

/** How far estimates are off, and whether they are corrected. */
export interface CalibrationList {
  readonly calibrations: readonly Calibration[];
  readonly applied: boolean;
}

/** Reads what was decided and what is left. Nothing here consumes anything. */
export interface Queries {
  status(): Promise<ProcessStatus>;
  /** Windows of every limit that the call would meet, tightest first. */
  rateStatus(call: Call): Promise<readonly WindowStatus[] | QueryRefusal>;
  /** Ordered by account id. */
  budgetStatus(query: AccountQuery): Promise<Page<AccountStatus> | QueryRefusal>;
  reservation(tenant: string, reservationId: string): Promise<Reservation | QueryRefusal>;
  decision(tenant: string, decisionId: string): Promise<StoredRecord | QueryRefusal>;
  /** Newest first. */
  decisions(query: DecisionQuery): Promise<Page<StoredRecord> | QueryRefusal>;
  /** What was charged. */
  usage(query: UsageQuery): Promise<Page<UsageRow> | QueryRefusal>;
  /** How far the estimates for each agent are off; at most 1,000. */
  calibrations(tenant: string): Promise<CalibrationList | QueryRefusal>;
  /** How often limits denied, the latest first. */
  violations(tenant: string): Promise<ViolationList | QueryRefusal>;
  policies(tenant: string): Promise<PoliciesInForce | QueryRefusal>;
}
