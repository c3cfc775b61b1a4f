import type { MicroUsd } from '../lib/money.ts';

/** How an estimate was priced: base × calibration + buffer; the buffer is added once. */
export interface Price {
  readonly baseMicroUsd: MicroUsd;
  /**
   * What the base was multiplied with, in thousandths, because the estimates for the agent were off
   * (requirement R52). Absent means 1000.
   */
  readonly calibrationPerMille?: number;
  /** 0 when the caller gave the cost. */
  readonly bufferMicroUsd: MicroUsd;
  readonly totalMicroUsd: MicroUsd;
  /** Empty when the caller gave the cost. */
  readonly tableVersion: string;
}
