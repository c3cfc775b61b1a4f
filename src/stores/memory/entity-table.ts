import type { CounterSpec } from '../../limits/counter.ts';
import type { Entity } from './entity.ts';
import { openEntity } from './open-entity.ts';

/** Entities looked at when a call finds the table full: bounds the work of one call. */
const FULL_SWEEP = 1_000;

/** What a call counts against: each of its counters with its entity. */
export type Opened = readonly {
  readonly spec: CounterSpec;
  readonly key: string;
  readonly entity: Entity;
}[];

/** The entities in use, at most so many. Idle ones are dropped; one that counts never is. */
export class EntityTable {
  readonly #max: number;
  readonly #entities = new Map<string, Entity>();
  /** Goes round and round the table, a few steps a call. */
  #round: Iterator<[string, Entity]>;

  constructor(max: number) {
    this.#max = max;
    this.#round = this.#entities.entries();
  }

  get size(): number {
    return this.#entities.size;
  }

  /**
   * The entities of the counters, in their order. New ones are kept by `keep` only.
   * @returns undefined when there is no room for the new ones.
   */
  open(tenant: string, counters: readonly CounterSpec[], nowMs: number): Opened | undefined {
    const opened = counters.map((spec) => {
      return { spec, key: keyOf(tenant, spec), entity: this.look(tenant, spec) };
    });
    const missing = opened.filter(({ key }) => !this.#entities.has(key)).length;
    const full = (): boolean => missing > 0 && this.#entities.size + missing > this.#max;
    if (full()) this.sweep(nowMs, FULL_SWEEP);
    return full() ? undefined : opened;
  }

  keep(opened: Opened): void {
    for (const { key, entity } of opened) this.#entities.set(key, entity);
  }

  /** The entity under a key; `dropped`, which was there and idle, comes back when there is none. */
  bring(key: string, dropped: Entity): Entity {
    const known = this.#entities.get(key);
    if (known === undefined) this.#entities.set(key, dropped);
    return known ?? dropped;
  }

  /** The entity of a counter for reading; an empty one that is not kept when there is none. */
  look(tenant: string, spec: CounterSpec): Entity {
    return this.#entities.get(keyOf(tenant, spec)) ?? openEntity(spec);
  }

  /** Looks at some entities and one more, and drops those that are idle. */
  sweep(nowMs: number, some: number): void {
    for (let step = 0; step <= some; step += 1) {
      const next = this.#round.next();
      if (next.done) {
        this.#round = this.#entities.entries();
        return;
      }
      const [key, entity] = next.value;
      if (entity.idle(nowMs)) this.#entities.delete(key);
    }
  }
}

/** JSON, because it keeps any texts apart. */
function keyOf(
  tenant: string,
  { crossTenant, algorithm, unit, limitId, scope }: CounterSpec,
): string {
  return JSON.stringify([crossTenant ? null : tenant, algorithm, unit, limitId, scope]);
}
