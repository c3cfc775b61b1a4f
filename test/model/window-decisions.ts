import type { CounterSpec, WindowSpec } from '../../src/limits/counter.ts';
import { counterOf, windowOf } from '../conformance/rate-limiter/fixture.ts';
import { randomFrom } from '../support/random-from.ts';

/** A limit on each scope of one kind. */
export interface Level {
  readonly kind: string;
  /** How many scopes of this kind there are. */
  readonly scopes: number;
  readonly windows: readonly WindowSpec[];
  readonly change?: Partial<CounterSpec>;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** So that the memory of the last ten minutes' verdicts stays small and a million are quick. */
const MEAN_GAP_MS = 300;

/** Tight enough at that pace that each window denies calls. */
export const STRICT_LEVELS: readonly Level[] = [
  {
    kind: 'global',
    scopes: 1,
    windows: [windowOf(75, 30 * SECOND_MS), windowOf(600, 6 * MINUTE_MS)],
    change: { crossTenant: true },
  },
  { kind: 'team', scopes: 4, windows: [windowOf(95, 3 * MINUTE_MS)] },
  { kind: 'agent', scopes: 10, windows: [windowOf(13, MINUTE_MS)] },
  { kind: 'user', scopes: 50, windows: [windowOf(36, 15 * MINUTE_MS)] },
  { kind: 'session', scopes: 200, windows: [windowOf(3, 23_333)] },
];

/** Each level counts in another way. */
export const MIXED_LEVELS: readonly Level[] = [
  ...STRICT_LEVELS.slice(0, 1),
  {
    kind: 'team',
    scopes: 4,
    windows: [windowOf(95, 3 * MINUTE_MS)],
    change: { algorithm: 'weighted' },
  },
  {
    kind: 'agent',
    scopes: 10,
    windows: [windowOf(40, 3 * MINUTE_MS)],
    change: { algorithm: 'calendar' },
  },
  {
    kind: 'user',
    scopes: 50,
    windows: [{ ...windowOf(8, 3 * MINUTE_MS), burst: 5 }],
    change: { algorithm: 'token_bucket' },
  },
  {
    kind: 'session',
    scopes: 200,
    windows: [windowOf(2, 90 * SECOND_MS)],
    change: { algorithm: 'leases', unit: 'concurrency' },
  },
];

/** One unit is usual; none is a call that only has to fit. */
const COSTS = [0, 1, 1, 1, 1, 1, 1, 2, 3];

/** Random decisions against one scope of each level, the same from the same seed. */
export class DecisionSource {
  readonly #random: () => number;
  /** For each level, for each of its scopes, the counter at each cost. */
  readonly #counters: readonly (readonly (readonly CounterSpec[])[])[];

  constructor(levels: readonly Level[], seed: number) {
    this.#random = randomFrom(seed);
    this.#counters = levels.map((level) =>
      Array.from({ length: level.scopes }, (_, number) =>
        COSTS.map((cost) => counterAt(level, number, cost)),
      ),
    );
  }

  /** Of every scope, at a cost of nothing. */
  all(): readonly CounterSpec[] {
    return this.#counters.flat().flatMap(([free]) => free ?? []);
  }

  next(): readonly CounterSpec[] {
    return this.#counters.map((scopes) => this.#pick(this.#pick(scopes)));
  }

  /** Until so many more decisions are due; often none. */
  gapMs(decisions: number): number {
    return Math.floor(2 * this.#random() * MEAN_GAP_MS * decisions);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}

function counterAt({ kind, windows, change }: Level, number: number, cost: number): CounterSpec {
  const scope = kind === 'global' ? kind : `${kind}:${number}`;
  return counterOf({ limitId: kind, scope, windows, cost, ...change });
}
