/** One window of a limit: at most `limit` units in any `lengthMs` milliseconds. */
export interface WindowSpec {
  readonly lengthMs: number;
  /** A whole number; 0 blocks. */
  readonly limit: number;
}

/** What to answer for a limit when the counting store cannot. */
export type OutagePolicy = 'deny' | 'allow';

/** One limit applied to one scope: what the counting store is asked to take from. */
export interface CounterSpec {
  readonly limitId: string;
  /** Scope text, for example "user:alice", "team:hr/agent:copilot" or "global". */
  readonly scope: string;
  /** True when the counter is shared by all tenants. */
  readonly crossTenant: boolean;
  /** Shortest first, at least one, at most 8. */
  readonly windows: readonly WindowSpec[];
  /** Units taken by this call: 1 for requests, the estimate for tokens. A whole number ≥ 0. */
  readonly cost: number;
  readonly unit: string;
  readonly onOutage: OutagePolicy;
}

/** One window of one counter as the store sees it, after the take if it was taken. */
export interface WindowReading {
  readonly limitId: string;
  readonly scope: string;
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
