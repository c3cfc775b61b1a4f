/**
 * Merges two sequences, each in order and in pages, into one. Of items with the same time the
 * first's come first. Holds one page of each.
 */
export async function* inOrder<T extends object>(
  first: AsyncIterable<readonly T[]>,
  second: AsyncIterable<readonly T[]>,
  timeOf: (item: T) => number,
): AsyncGenerator<readonly T[]> {
  const a = new Shelf(first);
  const b = new Shelf(second);
  while ((await a.fill()) && (await b.fill())) {
    const merged: T[] = [];
    while (a.next && b.next) {
      merged.push(timeOf(a.next) <= timeOf(b.next) ? a.take() : b.take());
    }
    yield merged;
  }
  while (await a.fill()) yield a.takeRest();
  while (await b.fill()) yield b.takeRest();
}

/** One page of a sequence, and where it has been read to. */
class Shelf<T extends object> {
  readonly #pages: AsyncIterator<readonly T[]>;
  #page: readonly T[] = [];
  #at = 0;

  constructor(pages: AsyncIterable<readonly T[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** Undefined at the end of the page. */
  get next(): T | undefined {
    return this.#page[this.#at];
  }

  /** Gets another page when this one is read. @returns false at the end. */
  async fill(): Promise<boolean> {
    while (this.#at >= this.#page.length) {
      const page = await this.#pages.next();
      if (page.done === true) return false;
      this.#page = page.value;
      this.#at = 0;
    }
    return true;
  }

  take(): T {
    this.#at += 1;
    return this.#page[this.#at - 1]!;
  }

  takeRest(): readonly T[] {
    const rest = this.#page.slice(this.#at);
    this.#at = this.#page.length;
    return rest;
  }
}
