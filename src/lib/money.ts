/** Millionths of a US dollar. All money in Tollgate is a whole number of these. */
export type MicroUsd = bigint;

const MICRO_PER_USD = 1_000_000n;
const DECIMAL_USD = /^(\d{1,12})(?:\.(\d{1,6}))?$/;

/**
 * Reads a decimal number of US dollars, for example "0.30" or "100", without going through floating
 * point.
 * @returns micro-USD, or undefined when the text is not a plain non-negative decimal with at most
 *   six places.
 */
export function parseUsd(text: string): MicroUsd | undefined {
  const match = DECIMAL_USD.exec(text.trim().replace(/^\$/, ''));
  if (!match) return undefined;
  const [, whole = '0', fraction = ''] = match;
  return BigInt(whole) * MICRO_PER_USD + BigInt(fraction.padEnd(6, '0'));
}

/**
 * Writes micro-USD as dollars for people, for example "$0.30" or "-$1.000001"; at least two places.
 */
export function formatUsd(amount: MicroUsd): string {
  const sign = amount < 0n ? '-' : '';
  const absolute = amount < 0n ? -amount : amount;
  const fraction = (absolute % MICRO_PER_USD)
    .toString()
    .padStart(6, '0')
    .replace(/0{1,4}$/, '');
  return `${sign}$${absolute / MICRO_PER_USD}.${fraction}`;
}
