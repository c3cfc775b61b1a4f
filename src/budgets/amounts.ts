/**
 * What a call uses, or what is held or settled for it. Whole numbers, never negative in a request.
 */
export interface Amounts {
  readonly costMicroUsd: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  /** 1 for a call; more only in sums. */
  readonly invocations: bigint;
}

/** What a budget can cap. `totalTokens` caps the sum of input and output. */
export const METRICS = [
  'costMicroUsd',
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'invocations',
] as const;
export type Metric = (typeof METRICS)[number];

/** Caps of a budget, by metric. A metric that is absent is not capped; 0 blocks. */
export type Caps = Readonly<Partial<Record<Metric, bigint>>>;

/** Name of a metric's unit on the wire, in reasons and in docs. */
export const UNIT_OF_METRIC: Readonly<Record<Metric, string>> = {
  costMicroUsd: 'micro_usd',
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  totalTokens: 'total_tokens',
  invocations: 'invocations',
};

export const ZERO_AMOUNTS: Amounts = {
  costMicroUsd: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
  invocations: 0n,
};

/** The amount that counts against a metric's cap. */
export function amountOf(amounts: Amounts, metric: Metric): bigint {
  return metric === 'totalTokens' ? amounts.inputTokens + amounts.outputTokens : amounts[metric];
}

export function plus(a: Amounts, b: Amounts): Amounts {
  return {
    costMicroUsd: a.costMicroUsd + b.costMicroUsd,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    invocations: a.invocations + b.invocations,
  };
}
