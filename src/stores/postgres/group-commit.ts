import type { Overloaded, Unavailable } from '../../decision/ports.ts';
import { unavailable } from './errors.ts';

export interface GroupCommitSettings {
  /** Batches under way at once. */
  readonly lanes: number;
  readonly maxBatch: number;
  /** Operations waiting for a batch; past it callers are turned away. */
  readonly maxWaiting: number;
  /** Until an operation is answered, whatever happens. */
  readonly deadlineMs: number;
  /** Told how many operations a batch had, when it has been answered. Default: nobody is told. */
  readonly onBatch?: (operations: number) => void;
}

/**
 * Two lanes: while one batch waits for the disk the next is prepared and waits for its locks; a
 * third would only wait. 256 operations: larger batches save nothing measurable and make everybody
 * in them wait for each other. 8,192 waiting: about a second of work; whoever comes later would be
 * answered after the deadline.
 */
export const GROUP_COMMIT: GroupCommitSettings = {
  lanes: 2,
  maxBatch: 256,
  maxWaiting: 8_192,
  deadlineMs: 2_000,
};

/** A smaller batch is not worth a lane of its own. */
const LEAST_SHARE = 32;
const LEAST_RETRY_MS = 10;
const MOST_RETRY_MS = 1_000;

interface Waiter<Op, Answer> {
  readonly op: Op;
  readonly answer: (answer: Answer | Unavailable | Overloaded) => void;
  readonly refuse: (error: Error) => void;
  /** Answered already; in the queue it is passed over and never sent. */
  done: boolean;
}

/**
 * Gathers operations that arrive while others are under way and sends them together: the busier it
 * is, the larger the batches. Who waits holds no connection.
 *
 * An operation whose deadline passes while it waits is never sent. One whose deadline passes while
 * its batch is under way may still be applied: its caller repeats it under the same request id.
 */
export class GroupCommit<Op, Answer> {
  readonly #send: (ops: readonly Op[]) => Promise<readonly (Answer | Unavailable | Error)[]>;
  readonly #settings: GroupCommitSettings;
  #waiting: Waiter<Op, Answer>[] = [];
  #underWay = 0;
  #scheduled = false;
  #closed = false;
  #lastBatchMs = LEAST_RETRY_MS;
  #idle: (() => void)[] = [];

  /** @param send answers each op in order; an Error rejects that op alone. */
  constructor(
    settings: GroupCommitSettings,
    send: (ops: readonly Op[]) => Promise<readonly (Answer | Unavailable | Error)[]>,
  ) {
    this.#settings = settings;
    this.#send = send;
  }

  submit(op: Op): Promise<Answer | Unavailable | Overloaded> {
    if (this.#closed) return Promise.resolve(unavailable('the ledger is closed', true));
    if (this.#waiting.length >= this.#settings.maxWaiting) {
      return Promise.resolve({ kind: 'overloaded', retryAfterMs: this.#retryAfterMs() });
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter<Op, Answer> = {
        op,
        done: false,
        answer: (answer) => {
          waiter.done = true;
          clearTimeout(timer);
          resolve(answer);
        },
        refuse: (error) => {
          waiter.done = true;
          clearTimeout(timer);
          reject(error);
        },
      };
      const { deadlineMs } = this.#settings;
      const timer = setTimeout(() => {
        const unsent = this.#waiting.includes(waiter);
        waiter.answer(unavailable(`no answer within ${deadlineMs} ms`, unsent));
      }, deadlineMs);
      this.#waiting.push(waiter);
      this.#schedule();
    });
  }

  /** Resolves when everything taken has been answered; what comes later is turned away. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#underWay === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** What arrives in one turn of the event loop goes out together. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay >= this.#settings.lanes) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#underWay < this.#settings.lanes && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#share()).filter(({ done }) => !done);
      if (batch.length > 0) this.#run(batch);
    }
    if (this.#underWay === 0) this.#idle.splice(0).forEach((resolve) => resolve());
  }

  /**
   * Callers that were answered together come back together: without sharing them out over the free
   * lanes they would all be in one batch for ever, and program and database would take turns.
   */
  #share(): number {
    const { lanes, maxBatch } = this.#settings;
    const share = Math.ceil(this.#waiting.length / (lanes - this.#underWay));
    return Math.min(maxBatch, Math.max(LEAST_SHARE, share));
  }

  #run(batch: readonly Waiter<Op, Answer>[]): void {
    this.#underWay += 1;
    const startedMs = performance.now();
    const finish = (answerAt: (index: number) => Answer | Unavailable | Error): void => {
      this.#lastBatchMs = performance.now() - startedMs;
      this.#underWay -= 1;
      this.#settings.onBatch?.(batch.length);
      batch.forEach((waiter, index) => settle(waiter, answerAt(index)));
      this.#dispatchSoon();
    };
    this.#send(batch.map(({ op }) => op)).then(
      (answers) => finish((index) => answers[index] ?? new Error('a batch lost an answer')),
      (error: unknown) => finish(() => (error instanceof Error ? error : new Error(String(error)))),
    );
  }

  /** After answering, so that callers who go on at once are in the next batch. */
  #dispatchSoon(): void {
    if (this.#waiting.length > 0) this.#schedule();
    else this.#dispatch();
  }

  /** As long as it takes to work off what is waiting. */
  #retryAfterMs(): number {
    const { lanes, maxBatch } = this.#settings;
    const batchesAhead = Math.ceil(this.#waiting.length / maxBatch / lanes);
    return Math.min(
      MOST_RETRY_MS,
      Math.max(LEAST_RETRY_MS, Math.ceil(batchesAhead * this.#lastBatchMs)),
    );
  }
}

function settle<Op, Answer>(
  waiter: Waiter<Op, Answer>,
  answer: Answer | Unavailable | Error,
): void {
  if (answer instanceof Error) waiter.refuse(answer);
  else waiter.answer(answer);
}
