import type { Clock } from '../lib/clock.ts';
import type { Conflict } from './ports.ts';

/** Identifiers of requests that touch no store are kept at least this long, while there is room. */
const KEPT_MS = 10 * 60_000;
/** About 2 KB an answer: some 30 MB at the most. */
const MAX_ANSWERS = 16_384;

/** An answer, and whether it stands for its request id for good. */
export interface Remembered<T> {
  readonly answer: T;
  /** False for what a store outage or overload decided: the repeat must be decided anew. */
  readonly final: boolean;
}

interface Entry<T> {
  readonly body: string;
  readonly answer: T | Promise<T>;
  readonly untilMs: number;
}

/**
 * Answers of this process by request id, so that a repeat costs nothing and answers the same, and so that two copies
 * of one request on their way at the same time are decided once. Repeats that reach another process, or come after a
 * restart, are answered by the stores.
 */
export class AnswerMemory<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param body what tells a repeat from another request under the same id
   * @param decide runs unless the answer is remembered
   */
  once(key: string, body: string, decide: () => Promise<Remembered<T>>): Promise<T | Conflict> {
    const known = this.#entries.get(key);
    if (known && known.untilMs > this.#clock.nowMs()) {
      return Promise.resolve(known.body === body ? known.answer : { kind: 'conflict' });
    }
    const answer = this.#decideAndKeep(key, body, decide);
    this.#keep(key, { body, answer, untilMs: Infinity });
    return answer;
  }

  async #decideAndKeep(
    key: string,
    body: string,
    decide: () => Promise<Remembered<T>>,
  ): Promise<T> {
    try {
      const { answer, final } = await decide();
      if (final) this.#keep(key, { body, answer, untilMs: this.#clock.nowMs() + KEPT_MS });
      else this.#entries.delete(key);
      return answer;
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  /** The oldest answer makes room. One still being decided may be dropped too: its repeat then asks the stores. */
  #keep(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= MAX_ANSWERS) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}
