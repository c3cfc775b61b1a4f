import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PRICES } from './default-prices.ts';
import { calibrationPerMilleOf } from './price.ts';
import { costOf, estimateOf, givenPrice, type Priced } from './price-table.ts';

function call(part: Partial<Priced>): Priced {
  return {
    platform: 'azure_openai',
    model: 'gpt-4',
    complexity: 'standard',
    inputTokens: 0n,
    outputTokens: 0n,
    ...part,
  };
}

describe('R50 price of a call', () => {
  it.each([
    ['copilot_studio', 50_000n],
    ['custom_rest_api', 10_000n],
    ['third_party_agent', 30_000n],
    ['power_automate', 20_000n],
    ['azure_openai', 40_000n],
    ['never heard of', 30_000n],
    ['constructor', 30_000n],
  ])('a standard call to %s costs its base price', (platform, expected) => {
    expect(costOf(DEFAULT_PRICES, call({ platform }))).toBe(expected);
  });

  it.each([
    ['simple', 20_000n],
    ['standard', 40_000n],
    ['complex', 80_000n],
  ] as const)('complexity %s scales the base price', (complexity, expected) => {
    expect(costOf(DEFAULT_PRICES, call({ complexity }))).toBe(expected);
  });

  it.each([
    ['gpt-4', 30n, 60n],
    ['gpt-4-turbo', 10n, 20n],
    ['gpt-3.5-turbo', 1n, 2n],
    ['other model', 30n, 60n],
  ])('a token of %s costs its price, an output token twice as much', (model, input, output) => {
    const inputTokens = 4_808n;
    const outputTokens = 10n;
    expect(costOf(DEFAULT_PRICES, call({ model, inputTokens, outputTokens }))).toBe(
      40_000n + inputTokens * input + outputTokens * output,
    );
  });

  it('rounds a fraction of a micro-USD up, never down', () => {
    const prices = { ...DEFAULT_PRICES, per1000Tokens: { other: 1n } };
    expect(costOf(prices, call({ model: 'm', inputTokens: 1n }))).toBe(40_001n);
  });

  it('R53 prices a call to an agent without a platform at the default cost per execution', () => {
    expect(costOf(DEFAULT_PRICES, call({ platform: '' }))).toBe(50_000n);
  });
});

describe('R51 safety buffer', () => {
  it('is 20 %, shown apart and added once', () => {
    expect(estimateOf(DEFAULT_PRICES, call({}))).toEqual({
      baseMicroUsd: 40_000n,
      bufferMicroUsd: 8_000n,
      totalMicroUsd: 48_000n,
      tableVersion: DEFAULT_PRICES.version,
    });
  });

  it('is not added to a cost that the caller gives', () => {
    expect(givenPrice(100n)).toMatchObject({ bufferMicroUsd: 0n, totalMicroUsd: 100n });
  });

  it('R52 is added to the price after the calibration, which follows from the price', () => {
    const price = estimateOf(DEFAULT_PRICES, call({}), 1_501n);
    expect(price).toEqual({
      baseMicroUsd: 40_000n,
      bufferMicroUsd: 12_008n,
      totalMicroUsd: 72_048n,
      tableVersion: DEFAULT_PRICES.version,
    });
    expect(calibrationPerMilleOf(price)).toBe(1501);
    expect(calibrationPerMilleOf(estimateOf(DEFAULT_PRICES, call({})))).toBeUndefined();
    expect(calibrationPerMilleOf(givenPrice(0n))).toBeUndefined();
  });

  it('R52 a calibration is told as it was, for every price from a tenth of a cent on', () => {
    fc.assert(
      fc.property(
        fc.bigInt(1_000n, 10n ** 9n),
        fc.bigInt(250n, 4_000n).filter((factor) => factor !== 1_000n),
        (base, factor) => {
          const prices = { ...DEFAULT_PRICES, platforms: { other: base } };
          const price = estimateOf(prices, call({}), factor);
          expect(calibrationPerMilleOf(price)).toBe(Number(factor));
        },
      ),
    );
  });

  it('never makes an estimate smaller than the actual cost of the same usage', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 9n),
        fc.bigInt(0n, 10n ** 9n),
        (inputTokens, outputTokens) => {
          const usage = call({ inputTokens, outputTokens });
          expect(estimateOf(DEFAULT_PRICES, usage).totalMicroUsd).toBeGreaterThanOrEqual(
            costOf(DEFAULT_PRICES, usage),
          );
        },
      ),
    );
  });
});
