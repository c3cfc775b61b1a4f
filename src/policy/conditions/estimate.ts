import { formatUsd } from '../../lib/money.ts';
import type { PolicyFacts } from '../facts.ts';
import type { Condition } from '../policy.ts';
import { truthOf } from '../truth.ts';
import type { EstimateCondition } from './definition.ts';

interface Part {
  readonly words: string;
  readonly fact: string;
  readonly above: bigint;
  /** Undefined when the caller estimates nothing. */
  readonly read: (facts: PolicyFacts) => bigint | undefined;
}

/**
 * What the call asks for is above one of the amounts. The cost is always known; tokens are unknown
 * when the caller estimates none at all.
 */
export function estimate({ above }: EstimateCondition): Condition {
  const parts = partsOf(above);
  const unknown = (facts: PolicyFacts): Part[] =>
    parts.filter((part) => part.read(facts) === undefined);
  return {
    words: parts.map(({ words }) => words).join(' or '),
    fact: parts.map(({ fact }) => fact).join(' and '),
    missing: (facts) =>
      unknown(facts)
        .map(({ fact }) => fact)
        .join(' and '),
    evaluate(facts) {
      if (parts.some((part) => (part.read(facts) ?? -1n) > part.above)) return 'true';
      return unknown(facts).length > 0 ? 'unknown' : truthOf(false);
    },
    saw: (facts) => parts.map((part) => `${part.fact} ${part.read(facts) ?? ''}`).join(', '),
  };
}

function partsOf(above: EstimateCondition['above']): readonly Part[] {
  const { costMicroUsd, inputTokens, outputTokens, totalTokens } = above;
  const parts: Part[] = [];
  const tokens = (fact: string, most: bigint, count: (facts: PolicyFacts) => bigint): void => {
    const read = (facts: PolicyFacts): bigint | undefined =>
      facts.inputTokens + facts.outputTokens === 0n ? undefined : count(facts);
    parts.push({ words: `${fact} is above ${most}`, fact, above: most, read });
  };
  if (costMicroUsd !== undefined) {
    parts.push({
      words: `cost is above ${formatUsd(costMicroUsd)}`,
      fact: 'cost_micro_usd',
      above: costMicroUsd,
      read: (facts) => facts.costMicroUsd,
    });
  }
  if (inputTokens !== undefined) tokens('input_tokens', inputTokens, (facts) => facts.inputTokens);
  if (outputTokens !== undefined) {
    tokens('output_tokens', outputTokens, (facts) => facts.outputTokens);
  }
  if (totalTokens !== undefined) {
    tokens('total_tokens', totalTokens, (facts) => facts.inputTokens + facts.outputTokens);
  }
  return parts;
}
