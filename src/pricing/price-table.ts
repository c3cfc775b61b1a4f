import type { MicroUsd } from '../lib/money.ts';
import { NEUTRAL_PER_MILLE } from './calibration.ts';
import type { Price } from './price.ts';

/** Prices of one version; all money is micro-USD. */
export interface PriceTable {
  readonly version: string;
  /** Base price of one call by platform; `other` prices a platform that is not listed. */
  readonly platforms: Readonly<Record<string, MicroUsd>>;
  /** Factor by complexity, in thousandths of the base price. */
  readonly complexityPerMille: Readonly<Record<'simple' | 'standard' | 'complex', bigint>>;
  /**
   * Price of 1,000 input tokens by model; an output token costs twice as much. `other` prices any
   * other model.
   */
  readonly per1000Tokens: Readonly<Record<string, MicroUsd>>;
  /** Safety buffer on an estimate, in thousandths. */
  readonly bufferPerMille: bigint;
  /** Base price of a call to an agent without a platform. */
  readonly defaultCostMicroUsd: MicroUsd;
  /** Estimates are multiplied with what is found out about the agent. */
  readonly recalibrate: boolean;
}

/** What prices a call. */
export interface Priced {
  /** Empty means the agent has none. */
  readonly platform: string;
  readonly model: string;
  readonly complexity: 'simple' | 'standard' | 'complex';
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

const PER_MILLE = 1000n;
const OTHER = 'other';

/**
 * Price of a call without the buffer: base × complexity + input/1000·p + output/1000·2p
 * (requirement R50), rounded up to the micro-USD so that rounding never undercharges.
 */
export function costOf(table: PriceTable, call: Priced): MicroUsd {
  const base = call.platform ? priceIn(table.platforms, call.platform) : table.defaultCostMicroUsd;
  const perToken = priceIn(table.per1000Tokens, call.model);
  const perMille =
    base * table.complexityPerMille[call.complexity] +
    call.inputTokens * perToken +
    call.outputTokens * 2n * perToken;
  return divideUp(perMille, PER_MILLE);
}

/**
 * Price of an estimate: the buffer is shown apart and added once (requirement R51), to the price
 * after the calibration.
 */
export function estimateOf(
  table: PriceTable,
  call: Priced,
  calibrationPerMille = NEUTRAL_PER_MILLE,
): Price {
  const baseMicroUsd = costOf(table, call);
  const expectedMicroUsd = divideUp(baseMicroUsd * calibrationPerMille, PER_MILLE);
  const bufferMicroUsd = divideUp(expectedMicroUsd * table.bufferPerMille, PER_MILLE);
  return {
    baseMicroUsd,
    bufferMicroUsd,
    totalMicroUsd: expectedMicroUsd + bufferMicroUsd,
    tableVersion: table.version,
  };
}

/** A cost that the caller gives itself is held as it is. */
export function givenPrice(costMicroUsd: MicroUsd): Price {
  return {
    baseMicroUsd: costMicroUsd,
    bufferMicroUsd: 0n,
    totalMicroUsd: costMicroUsd,
    tableVersion: '',
  };
}

function priceIn(prices: Readonly<Record<string, MicroUsd>>, name: string): MicroUsd {
  const own = Object.hasOwn(prices, name) ? prices[name] : prices[OTHER];
  if (own === undefined) throw new Error(`the price table lacks "${OTHER}"`);
  return own;
}

function divideUp(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}
