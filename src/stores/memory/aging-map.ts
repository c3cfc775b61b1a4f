interface Entry<V> {
  readonly key: string;
  readonly value: V;
  gone: boolean;
}

/** Places of entries that have gone are given up when they are this many, and half of all. */
const COMPACT_FROM = 1_024;

/**
 * A map that knows its oldest entry at no cost. (A Map of the language finds its first entry by
 * walking over all that were deleted in front of it.)
 */
export class AgingMap<V> {
  readonly #entries = new Map<string, Entry<V>>();
  /** In the order in which they were set, those that have gone included. */
  #queue: Entry<V>[] = [];
  #head = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Makes it the youngest, also when it was there before. */
  set(key: string, value: V): void {
    this.delete(key);
    const entry = { key, value, gone: false };
    this.#entries.set(key, entry);
    this.#queue.push(entry);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.gone = true;
    this.#entries.delete(key);
  }

  oldest(): { readonly key: string; readonly value: V } | undefined {
    while (this.#queue[this.#head]?.gone) this.#head += 1;
    if (this.#head >= COMPACT_FROM && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return this.#queue[this.#head];
  }
}
