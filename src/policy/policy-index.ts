import type { ConditionDefinition } from './conditions/definition.ts';
import type { Staged } from './candidate.ts';
import type { PolicyFacts } from './facts.ts';
import type { PolicyDefinition } from './policy.ts';

/** A policy in its place in evaluation order. */
export interface Placed {
  readonly place: number;
  readonly staged: Staged;
}

/** A fact by which policies are found, and the values that one condition of a policy accepts. */
interface Dimension {
  readonly read: (facts: PolicyFacts) => string;
  readonly valuesIn: (condition: ConditionDefinition) => readonly string[] | undefined;
}

/** The one that tells most policies apart comes first. */
const DIMENSIONS: readonly Dimension[] = [
  {
    read: ({ agent }) => agent,
    valuesIn: (one) => (one.type === 'agent' && !one.negate ? one.agents : undefined),
  },
  {
    read: ({ provider }) => provider,
    valuesIn: (one) => (one.type === 'provider' && !one.negate ? one.providers : undefined),
  },
  {
    read: ({ environment }) => environment,
    valuesIn: (one) => (one.type === 'environment' && !one.negate ? one.environments : undefined),
  },
];

/** Policies of one dimension, by value in lower case. */
interface Shelf {
  readonly all: Placed[];
  readonly byValue: Map<string, Placed[]>;
}

/**
 * Finds the policies that can apply to a request. One is left out only when one of its conditions
 * is certainly false, and then all of it is: so leaving it out changes no answer. Where the fact is
 * missing every policy of the dimension is found, because it may be unevaluable.
 */
export class PolicyIndex {
  readonly #shelves = new Map<Dimension, Shelf>();
  /** Policies that no dimension tells apart. */
  readonly #rest: Placed[] = [];

  add(definition: PolicyDefinition, placed: Placed): void {
    for (const dimension of DIMENSIONS) {
      const values = valuesOf(definition, dimension);
      if (!values) continue;
      const { all, byValue } = this.#shelfOf(dimension);
      all.push(placed);
      for (const value of values) {
        const known = byValue.get(value);
        if (known) known.push(placed);
        else byValue.set(value, [placed]);
      }
      return;
    }
    this.#rest.push(placed);
  }

  #shelfOf(dimension: Dimension): Shelf {
    const known = this.#shelves.get(dimension);
    if (known) return known;
    const shelf = { all: [], byValue: new Map<string, Placed[]>() };
    this.#shelves.set(dimension, shelf);
    return shelf;
  }

  /** In any order. */
  candidates(facts: PolicyFacts): readonly Placed[] {
    const found = [...this.#rest];
    for (const [dimension, { all, byValue }] of this.#shelves) {
      const value = dimension.read(facts);
      const some = value === '' ? all : byValue.get(value.toLowerCase());
      if (some) for (const one of some) found.push(one);
    }
    return found;
  }
}

/** Values of the first condition that asks for the fact, in lower case and each once. */
function valuesOf(
  { conditions }: PolicyDefinition,
  { valuesIn }: Dimension,
): readonly string[] | undefined {
  for (const condition of conditions) {
    const values = valuesIn(condition);
    if (values) return [...new Set(values.map((value) => value.toLowerCase()))];
  }
  return undefined;
}
