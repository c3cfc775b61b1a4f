import { describe, expect, it } from 'vitest';

import { NO_FACTS, type PolicyFacts } from '../facts.ts';
import { compileCondition } from './compile.ts';
import type { EstimateCondition } from './definition.ts';

type Above = EstimateCondition['above'];

const compiled = (above: Above, negate = false) =>
  compileCondition({ type: 'estimate', above, negate });
const factsOf = (cost: bigint, input: bigint, output: bigint): PolicyFacts => ({
  ...NO_FACTS,
  costMicroUsd: cost,
  inputTokens: input,
  outputTokens: output,
});

describe('R40 what a call is expected to use', () => {
  it.each([
    [{ costMicroUsd: 300_000n }, 300_000n, 0n, 0n, 'false'],
    [{ costMicroUsd: 300_000n }, 300_001n, 0n, 0n, 'true'],
    // A cost is always known, one of nothing included.
    [{ costMicroUsd: 0n }, 0n, 0n, 0n, 'false'],
    [{ costMicroUsd: 0n }, 1n, 0n, 0n, 'true'],
    [{ inputTokens: 100n }, 0n, 100n, 500n, 'false'],
    [{ inputTokens: 100n }, 0n, 101n, 0n, 'true'],
    [{ outputTokens: 100n }, 0n, 500n, 100n, 'false'],
    [{ outputTokens: 100n }, 0n, 0n, 101n, 'true'],
    // One of the two is known to be none when the other is estimated.
    [{ outputTokens: 0n }, 0n, 1n, 0n, 'false'],
    [{ totalTokens: 100n }, 0n, 50n, 50n, 'false'],
    [{ totalTokens: 100n }, 0n, 50n, 51n, 'true'],
    [{ totalTokens: 1n }, 0n, 0n, 0n, 'unknown'],
    [{ inputTokens: 0n }, 0n, 0n, 0n, 'unknown'],
    // One amount that is exceeded is enough, whatever is unknown beside it.
    [{ costMicroUsd: 5n, totalTokens: 1n }, 6n, 0n, 0n, 'true'],
    [{ costMicroUsd: 5n, totalTokens: 1n }, 5n, 0n, 0n, 'unknown'],
    [{ costMicroUsd: 5n, totalTokens: 10n }, 5n, 5n, 5n, 'false'],
    [{ costMicroUsd: 5n, totalTokens: 10n }, 5n, 5n, 6n, 'true'],
    // Past what a double can tell apart.
    [{ totalTokens: 9_007_199_254_740_992n }, 0n, 9_007_199_254_740_993n, 0n, 'true'],
  ] as const)('above %o, with %i µ$ and %i + %i tokens: %s', (above, cost, input, output, is) => {
    const facts = factsOf(cost, input, output);
    expect(compiled(above).evaluate(facts)).toBe(is);
    const turned = { true: 'false', false: 'true', unknown: 'unknown' }[is];
    expect(compiled(above, true).evaluate(facts)).toBe(turned);
  });

  it('R49 is told in words, and names what is missing', () => {
    const condition = compiled({ costMicroUsd: 300_000n, inputTokens: 5n, totalTokens: 9n });
    expect(condition.words).toBe(
      'cost is above $0.30 or input_tokens is above 5 or total_tokens is above 9',
    );
    expect(condition.missing?.(factsOf(1n, 0n, 0n))).toBe('input_tokens and total_tokens');
    expect(condition.saw(factsOf(7n, 1n, 2n))).toBe(
      'cost_micro_usd 7, input_tokens 1, total_tokens 3',
    );
  });
});
