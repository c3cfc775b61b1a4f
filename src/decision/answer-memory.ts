import type { Clock } from '../lib/clock.ts';
import { Generations } from '../lib/generations.ts';
import type { Calibrations } from '../pricing/calibration.ts';
import type { Conflict } from './ports.ts';
import type { Snapshot } from './snapshot.ts';

/** Answers are kept this long, while there is room. */
const KEPT_MS = 10 * 60_000;
/** About 2 KB an answer: some 32 MB in two generations. */
const ANSWERS_PER_GENERATION = 8_192;
/** An explained answer can take 200 KB: some 50 MB in two generations. */
const LARGE_ANSWERS_PER_GENERATION = 128;
/** About 0.2 KB a moment: some 26 MB in two generations. */
const MOMENTS_PER_GENERATION = 65_536;

/** All that a decision without stores depends on, beside the request itself. */
export interface Moment {
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  /** Absent means that no estimate was found to be off. */
  readonly calibrations?: Calibrations;
}

/** An answer, and what of it stands for its request id. */
export interface Remembered<T> {
  readonly answer: T;
  /**
   * `answer`, `large answer`: as it is; of the large ones fewer are kept. `moment`: no store took
   * part, so it is a pure function of request, configuration and time, and only these are kept.
   * `nothing`: an outage or overload decided, and a repeat must be decided anew.
   */
  readonly keep: 'answer' | 'large answer' | 'moment' | 'nothing';
}

/** A request that was seen lately. Emptied, never deleted: maps that only grow are cheaper. */
interface Seen<T> {
  /** Tells a repeat from another request under the same id. */
  readonly body: string;
  /** While it is being decided. */
  deciding: Promise<T> | undefined;
  /** Once it is decided, if it is a pure function of this. */
  moment: Moment | undefined;
}

interface Answered<T> {
  readonly body: string;
  readonly answer: T;
  readonly keptAtMs: number;
}

type Decide<T> = (moment: Moment, repeat: boolean) => Promise<Remembered<T>>;

/** Sees to it that a request is decided once. */
export interface Once<T> {
  /**
   * @param now what to decide by, if it has to be decided
   * @param decide `repeat` asks for the answer that was given at that moment, without any effect
   */
  once(key: string, body: string, now: () => Moment, decide: Decide<T>): Promise<T | Conflict>;
}

/** Decides whatever comes: for callers that never repeat a request. */
export class EachAnew<T> implements Once<T> {
  once(_key: string, _body: string, now: () => Moment, decide: Decide<T>): Promise<T> {
    return decide(now(), false).then(answerOf);
  }
}

/**
 * Answers of this process by request id, so that a repeat has no second effect and answers the
 * same, and so that copies of one request on their way at the same time are decided once. Repeats
 * that reach another process, or come after a restart, are answered by the stores.
 */
export class AnswerMemory<T> implements Once<T> {
  readonly #seen = new Generations<Seen<T>>(MOMENTS_PER_GENERATION);
  readonly #answers = new Generations<Answered<T>>(ANSWERS_PER_GENERATION);
  readonly #largeAnswers = new Generations<Answered<T>>(LARGE_ANSWERS_PER_GENERATION);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  once(key: string, body: string, now: () => Moment, decide: Decide<T>): Promise<T | Conflict> {
    const seen = this.#seen.get(key);
    if (seen?.deciding) return body === seen.body ? seen.deciding : CONFLICT;
    if (seen?.moment && this.#isFresh(seen.moment.nowMs)) {
      return body === seen.body ? decide(seen.moment, true).then(answerOf) : CONFLICT;
    }
    // Whatever was answered lately was seen lately: a new request is looked up once.
    const known = seen && (this.#answers.get(key) ?? this.#largeAnswers.get(key));
    if (known && this.#isFresh(known.keptAtMs)) {
      return body === known.body ? Promise.resolve(known.answer) : CONFLICT;
    }
    const entry: Seen<T> = { body, deciding: undefined, moment: undefined };
    this.#seen.set(key, entry);
    entry.deciding = this.#decide(key, entry, now(), decide);
    return entry.deciding;
  }

  async #decide(key: string, entry: Seen<T>, moment: Moment, decide: Decide<T>): Promise<T> {
    try {
      const { answer, keep } = await decide(moment, false);
      if (keep === 'moment') entry.moment = moment;
      if (keep === 'answer' || keep === 'large answer') {
        const answers = keep === 'answer' ? this.#answers : this.#largeAnswers;
        answers.set(key, { body: entry.body, answer, keptAtMs: moment.nowMs });
      }
      return answer;
    } finally {
      entry.deciding = undefined;
    }
  }

  #isFresh(sinceMs: number): boolean {
    return sinceMs + KEPT_MS > this.#clock.nowMs();
  }
}

const CONFLICT: Promise<Conflict> = Promise.resolve({ kind: 'conflict' });

function answerOf<T>({ answer }: Remembered<T>): T {
  return answer;
}
