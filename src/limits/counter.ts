/**
 * How a limit counts.
 *
 * - `strict`: a sliding window that never admits more than its limit in any trailing window.
 * - `weighted`: the window that runs, and of the one before it the share that still overlaps.
 * - `calendar`: windows aligned to the clock, in UTC; a new one begins empty.
 * - `token_bucket`: units leak at `limit` per length; at most `burst` may be in use.
 * - `leases`: calls in flight, each until it is settled or `lengthMs` has passed.
 */
export type Algorithm = 'strict' | 'weighted' | 'calendar' | 'token_bucket' | 'leases';

/** What a limit counts: calls, their input and output tokens together, or calls in flight. */
export type LimitUnit = 'requests' | 'tokens' | 'concurrency';

/** One window of a limit: at most `limit` units in any `lengthMs` milliseconds. */
export interface WindowSpec {
  readonly lengthMs: number;
  /** A whole number; 0 blocks. */
  readonly limit: number;
  /** Units that a token bucket holds; a whole number. Absent means `limit`. */
  readonly burst?: number;
}

/** What to answer for a limit when the counting store cannot. */
export type OutagePolicy = 'deny' | 'allow' | 'local';

/** One limit applied to one scope: what the counting store is asked to take from. */
export interface CounterSpec {
  readonly limitId: string;
  /** Scope text, for example "user:alice", "team:hr/agent:copilot" or "global". */
  readonly scope: string;
  /** True when the counter is shared by all tenants. */
  readonly crossTenant: boolean;
  readonly algorithm: Algorithm;
  /** Shortest first, at least one, at most 8; one for leases. */
  readonly windows: readonly WindowSpec[];
  /** Units taken by this call: 1, or the estimate for tokens. A whole number ≥ 0. */
  readonly cost: number;
  readonly unit: LimitUnit;
  readonly onOutage: OutagePolicy;
  /** Share of the limit, in thousandths, that one process admits by itself in an outage. */
  readonly localPerMille: number;
}

/** One window of one counter as the store sees it, after the take if it was taken. */
export interface WindowReading {
  readonly limitId: string;
  readonly scope: string;
  /** A LimitUnit, when it was not recorded by another version. */
  readonly unit: string;
  readonly lengthMs: number;
  readonly limit: number;
  /** Never below 0. */
  readonly remaining: number;
  /** Until something is given back; 0 when nothing is in use. */
  readonly resetAfterMs: number;
  /** True when this window had no room for the call. */
  readonly violated: boolean;
  /**
   * Earliest wait after which this window has room, if nobody else calls; 0 when it has room,
   * Infinity when it never will.
   */
  readonly retryAfterMs: number;
}

/** Whether what a counter took is not final before the call is: tokens used, calls that ended. */
export function isSettledLater({ unit }: Pick<CounterSpec, 'unit'>): boolean {
  return unit !== 'requests';
}
