import type { MicroUsd } from '../lib/money.ts';

/** How an estimate was priced; the buffer is shown apart and added once. */
export interface Price {
  readonly baseMicroUsd: MicroUsd;
  /** 0 when the caller gave the cost. */
  readonly bufferMicroUsd: MicroUsd;
  readonly totalMicroUsd: MicroUsd;
  /** Empty when the caller gave the cost. */
  readonly tableVersion: string;
}
