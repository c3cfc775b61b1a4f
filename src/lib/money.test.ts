import { describe, expect, it } from 'vitest';
import { formatUsd, parseUsd } from './money.ts';

describe('R3 money is a whole number of micro-USD', () => {
  it.each([
    ['0.30', 300_000n],
    ['$100', 100_000_000n],
    ['0.000001', 1n],
    ['0', 0n],
    ['999999999999.999999', 999_999_999_999_999_999n],
  ])('reads %s exactly', (text, expected) => {
    expect(parseUsd(text)).toBe(expected);
  });

  it.each(['', '-1', 'NaN', '1e3', '0.0000001', '1,000', 'Infinity', '.5', '1.', '0x10'])(
    'P15 refuses "%s"',
    (text) => {
      expect(parseUsd(text)).toBeUndefined();
    },
  );

  it.each([
    [300_000n, '$0.30'],
    [1n, '$0.000001'],
    [-1_000_001n, '-$1.000001'],
    [100_000_000n, '$100.00'],
    [0n, '$0.00'],
  ])('writes %s for people', (amount, expected) => {
    expect(formatUsd(amount)).toBe(expected);
  });
});
