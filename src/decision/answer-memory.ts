import type { Clock } from '../lib/clock.ts';
import { Generations } from '../lib/generations.ts';
import type { Conflict } from './ports.ts';
import type { Snapshot } from './snapshot.ts';

/** Answers are kept this long, while there is room. */
const KEPT_MS = 10 * 60_000;
/** About 2 KB an answer: some 32 MB in two generations. */
const ANSWERS_PER_GENERATION = 8_192;
/** About 0.2 KB a moment: some 26 MB in two generations. */
const MOMENTS_PER_GENERATION = 65_536;

/** All that a decision without stores depends on, beside the request itself. */
export interface Moment {
  readonly snapshot: Snapshot;
  readonly nowMs: number;
}

/** An answer, and what of it stands for its request id. */
export interface Remembered<T> {
  readonly answer: T;
  /**
   * `answer`: as it is. `moment`: no store took part, so it is a pure function of request, configuration and time,
   * and only these are kept. `nothing`: an outage or overload decided, and a repeat must be decided anew.
   */
  readonly keep: 'answer' | 'moment' | 'nothing';
}

interface Entry<V> {
  /** Tells a repeat from another request under the same id. */
  readonly body: string;
  readonly value: V;
  readonly keptAtMs: number;
}

/**
 * Answers of this process by request id, so that a repeat has no second effect and answers the same, and so that
 * copies of one request on their way at the same time are decided once. Repeats that reach another process, or come
 * after a restart, are answered by the stores.
 */
export class AnswerMemory<T> {
  readonly #deciding = new Map<string, { readonly body: string; readonly answer: Promise<T> }>();
  readonly #answers = new Generations<Entry<T>>(ANSWERS_PER_GENERATION);
  readonly #moments = new Generations<Entry<Moment>>(MOMENTS_PER_GENERATION);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param now what to decide by, if it has to be decided
   * @param decide `repeat` asks for the answer that was given at that moment, without any effect
   */
  once(
    key: string,
    body: string,
    now: () => Moment,
    decide: (moment: Moment, repeat: boolean) => Promise<Remembered<T>>,
  ): Promise<T | Conflict> {
    const deciding = this.#deciding.get(key);
    if (deciding) return answerTo(body, deciding.body, () => deciding.answer);
    const answered = this.#fresh(this.#answers.get(key));
    if (answered) return answerTo(body, answered.body, () => Promise.resolve(answered.value));
    const decided = this.#fresh(this.#moments.get(key));
    if (decided) {
      return answerTo(body, decided.body, () => decide(decided.value, true).then(answerOf));
    }
    const answer = this.#decide(key, body, now(), decide);
    this.#deciding.set(key, { body, answer });
    return answer;
  }

  async #decide(
    key: string,
    body: string,
    moment: Moment,
    decide: (moment: Moment, repeat: boolean) => Promise<Remembered<T>>,
  ): Promise<T> {
    try {
      const { answer, keep } = await decide(moment, false);
      const keptAtMs = moment.nowMs;
      if (keep === 'answer') this.#answers.set(key, { body, value: answer, keptAtMs });
      if (keep === 'moment') this.#moments.set(key, { body, value: moment, keptAtMs });
      return answer;
    } finally {
      this.#deciding.delete(key);
    }
  }

  #fresh<V>(entry: Entry<V> | undefined): Entry<V> | undefined {
    return entry && entry.keptAtMs + KEPT_MS > this.#clock.nowMs() ? entry : undefined;
  }
}

const CONFLICT: Conflict = { kind: 'conflict' };

function answerTo<T>(
  body: string,
  knownBody: string,
  answer: () => Promise<T>,
): Promise<T | Conflict> {
  return body === knownBody ? answer() : Promise.resolve(CONFLICT);
}

function answerOf<T>({ answer }: Remembered<T>): T {
  return answer;
}
