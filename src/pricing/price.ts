import type { MicroUsd } from '../lib/money.ts';

/**
 * How an estimate was priced: base × calibration (`calibrationPerMilleOf`) + buffer; the buffer is
 * shown apart and added once.
 */
export interface Price {
  readonly baseMicroUsd: MicroUsd;
  /** 0 when the caller gave the cost. */
  readonly bufferMicroUsd: MicroUsd;
  readonly totalMicroUsd: MicroUsd;
  /** Empty when the caller gave the cost. */
  readonly tableVersion: string;
}

/**
 * What the base was multiplied with, in thousandths, because the estimates for the agent were off
 * (requirement R52); undefined where it was not. It follows from the rest, so that records need no
 * more than they have; below a tenth of a cent it is only nearly what it was.
 */
export function calibrationPerMilleOf(price: Price): number | undefined {
  const { baseMicroUsd, bufferMicroUsd, totalMicroUsd } = price;
  const expectedMicroUsd = totalMicroUsd - bufferMicroUsd;
  if (baseMicroUsd === 0n || expectedMicroUsd === baseMicroUsd) return undefined;
  return Number((expectedMicroUsd * 1000n) / baseMicroUsd);
}
