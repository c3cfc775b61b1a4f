/**
 * A bounded map that forgets its oldest half at once: cheap to write at any rate, because nothing
 * is deleted one by one. Holds the last `perGeneration` keys at least, twice as many at most.
 */
export class Generations<V> {
  readonly #perGeneration: number;
  #young = new Map<string, V>();
  #old: ReadonlyMap<string, V> = new Map<string, V>();

  constructor(perGeneration: number) {
    this.#perGeneration = perGeneration;
  }

  get(key: string): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#perGeneration && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
