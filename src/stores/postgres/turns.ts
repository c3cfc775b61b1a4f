import type { Overloaded } from '../../decision/ports.ts';

/** Told to whom finds no room to wait. */
const RETRY_AFTER_MS = 500;

/** As Overloaded, in words for operators. */
export interface NoTurn extends Overloaded {
  readonly problem: string;
}

/**
 * Lets few queries run at once, in the order in which they came, so that connections are left for
 * decisions. How many wait is bounded, and each turn ends by itself.
 */
export class Turns {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  async take<T>(work: () => Promise<T>): Promise<T | NoTurn> {
    if (this.#running === this.#atOnce) {
      if (this.#waiting.length === this.#mostWaiting) {
        const problem = `${this.#mostWaiting} queries of the record are waiting already`;
        return { kind: 'overloaded', retryAfterMs: RETRY_AFTER_MS, problem };
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
