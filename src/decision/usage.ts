import type { Amounts } from '../budgets/amounts.ts';

/** What charges can be told apart by. */
export const USAGE_DIMENSIONS = ['agent', 'team', 'user', 'provider', 'model'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Spans of time that charges are summed over. Weeks are ISO weeks, from Monday. */
export const USAGE_BUCKETS = ['hour', 'day', 'week', 'month', 'total'] as const;
export type UsageBucket = (typeof USAGE_BUCKETS)[number];

/**
 * Asks what was charged. A charge counts when it was made: a commit when it came, an expired hold
 * when it was presumed spent, a late commit as the difference. What is held is not charged yet.
 */
export interface UsageQuery {
  readonly tenant: string;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly bucket: UsageBucket;
  /** IANA zone in which days, weeks and months begin. */
  readonly timeZone: string;
  readonly by: readonly UsageDimension[];
  /** Only these; a dimension that is absent is not asked about. */
  readonly only: Readonly<Partial<Record<UsageDimension, string>>>;
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

export interface UsageRow {
  /** Undefined for `total`. */
  readonly bucketStartMs: number | undefined;
  /** Those that were asked for. */
  readonly dimensions: Readonly<Partial<Record<UsageDimension, string>>>;
  /** Commits, expiries and corrections. */
  readonly charges: number;
  /** `invocations` counts calls. A correction can make any of them negative. */
  readonly committed: Amounts;
  readonly settled: SettledCalls;
}

/** The calls among the charges that were committed, late ones included; not those that expired. */
export interface SettledCalls {
  readonly calls: number;
  /** Those whose caller reported a success. */
  readonly succeeded: number;
  /** What had been held for them, buffer included. */
  readonly estimatedMicroUsd: bigint;
  /** What they used. */
  readonly actualMicroUsd: bigint;
}

/** A factor that was found anew for the estimates of an agent. */
export interface Recalibration {
  readonly tenant: string;
  readonly agent: string;
  readonly beforePerMille: number;
  readonly afterPerMille: number;
  /** Commits that it was found from. */
  readonly calls: number;
}

/** What one step of summing has done. */
export interface RollUp {
  /** Transactions of the ledger that are in the sums now and were not before; some are empty. */
  readonly batches: number;
  readonly entries: number;
  /** Batches of all tenants that are not in the sums yet. */
  readonly batchesBehind: number;
  readonly recalibrated: readonly Recalibration[];
}
