/**
 * Most series of one metric. What is counted comes from the configuration, not from callers, but a
 * configuration can have many tenants, and a scrape of megabytes helps nobody. Whatever is past it
 * shares one series called "other".
 */
export const MAX_SERIES = 1000;

const OTHER = 'other';

/** Text, or a number that becomes text only when somebody asks. */
export type Label = string | number;

/**
 * Cells by one label or two. Finding one costs a look into a map for each label, and no string is
 * made.
 */
export class Series<Cell> {
  readonly #create: () => Cell;
  readonly #cells = new Map<string, Map<Label, Cell>>();
  #size = 0;

  constructor(create: () => Cell) {
    this.#create = create;
  }

  /** The cell of these labels, made when there is none yet. */
  at(first: string, second: Label = ''): Cell {
    return this.#cells.get(first)?.get(second) ?? this.#add(first, second);
  }

  #add(first: string, second: Label): Cell {
    if (this.#size >= MAX_SERIES && first !== OTHER) {
      return this.at(OTHER, second === '' ? '' : OTHER);
    }
    const cell = this.#create();
    const row = this.#cells.get(first);
    if (row) row.set(second, cell);
    else this.#cells.set(first, new Map([[second, cell]]));
    this.#size += 1;
    return cell;
  }

  *entries(): Generator<readonly [first: string, second: Label, cell: Cell]> {
    for (const [first, row] of this.#cells) {
      for (const [second, cell] of row) yield [first, second, cell];
    }
  }
}

/** A number that only grows. */
export interface Count {
  value: number;
}

export const newCount = (): Count => ({ value: 0 });

/** How long the worst value seen stands when no worse one follows: longer than two scrapes. */
export const WORST_FOR_MS = 60_000;

/**
 * The worst value of the last minute. Many accounts, windows and users share a series, and the one
 * that is nearly exhausted is the one to know of; the latest would show whoever called last.
 */
export class Worst {
  readonly #isWorse: (value: number, than: number) => boolean;
  #value: number | undefined;
  #seenAtMs = 0;

  constructor(isWorse: (value: number, than: number) => boolean) {
    this.#isWorse = isWorse;
  }

  see(value: number, nowMs: number): void {
    const stale = nowMs - this.#seenAtMs >= WORST_FOR_MS;
    if (this.#value !== undefined && !stale && !this.#isWorse(value, this.#value)) return;
    this.#value = value;
    this.#seenAtMs = nowMs;
  }

  /** Undefined until something was seen. */
  get value(): number | undefined {
    return this.#value;
  }
}

export const newHighest = (): Worst => new Worst((value, than) => value >= than);
export const newLowest = (): Worst => new Worst((value, than) => value <= than);
