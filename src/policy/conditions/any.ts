import type { Condition } from '../policy.ts';
import { anyOf } from '../truth.ts';

/** At least one holds: one `true` settles it, else one `unknown` leaves it open. */
export function any(conditions: readonly Condition[]): Condition {
  return {
    words: `any of (${conditions.map(({ words }) => words).join('; ')})`,
    fact: conditions.map(({ fact }) => fact).join(' and '),
    missing: (facts) =>
      conditions
        .filter((one) => one.evaluate(facts) === 'unknown')
        .map((one) => one.missing?.(facts) ?? one.fact)
        .join(' and '),
    evaluate: (facts) => anyOf(conditions, (condition) => condition.evaluate(facts)),
    saw: (facts) => conditions.map((one) => one.saw(facts)).join('; '),
  };
}
