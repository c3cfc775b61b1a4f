import type { ConfigurationDocument } from './document.ts';

type Condition = ConfigurationDocument['policies'][number]['conditions'][number];

/**
 * Finds conditions that are written alike. Thousands of policies ask the same few hundred
 * questions, and each needs to be compiled and kept in memory once.
 */
export class DistinctConditions {
  readonly #known = new Map<string, Condition>();

  /** The first one that was written like this. */
  likeOf(condition: Condition): Condition {
    const text = JSON.stringify(condition, exactly);
    const known = this.#known.get(text);
    if (known) return known;
    this.#known.set(text, condition);
    return condition;
  }
}

/** Tells apart what JSON would write alike. */
function exactly(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: `${value}` };
  if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) };
  return value;
}
