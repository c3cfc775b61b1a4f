/** What the sections of the policies' bench share. */
export interface PolicyBench {
  /** A directory for configurations, journals and logs. */
  readonly scratch: string;
  readonly effort: PolicyEffort;
}

/** How long and how often is measured. */
export interface PolicyEffort {
  /** Odd, so that the median is a round. Each measures every peer once: drift hits all alike. */
  readonly rounds: number;
  /** In one round, for each number of policies. */
  readonly evaluations: number;
  /** Readings of one configuration, each in a process of its own. */
  readonly loads: number;
  /** Changes of the configuration of one running server. */
  readonly swaps: number;
  /** Calls of h2load in one round. */
  readonly calls: number;
  /** Before anything counts. */
  readonly warmCalls: number;
}
