import { problemOf } from './problem.ts';
import type { Lineage } from '../../decision/ports.ts';
import { decisionIdIn } from '../../decision/record-row.ts';
import type { Backlog, Waiting } from './backlog.ts';
import { keepRejected } from './journal-directory.ts';
import type { ReportJournal } from './journal-event.ts';
import { MAX_LINE_BYTES, writeLine } from './line.ts';
import { Pause } from './pause.ts';

/**
 * Records in one append: large enough to amortize a commit. Ordinary ones are together about the
 * megabyte that is read back from disk at once.
 */
const BATCH_RECORDS = 400;

/** Waited before a small batch, so that a quiet sidecar makes one commit of several decisions. */
const LINGER_MS = 20;

/**
 * Longest wait for one append; a Lineage has its own deadline, this one is for the day it does not
 * keep it.
 */
const APPEND_WITHIN_MS = 30_000;

/**
 * Tries of a record on which the Lineage itself fails, not its connection, before it is set aside.
 */
const TRIES_OF_ONE = 5;

export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/**
 * Brings the backlog to the Lineage: in order, one append at a time, and never gives up on an
 * outage.
 */
export class Drainer {
  readonly #backlog: Backlog;
  readonly #lineage: Pick<Lineage, 'append'>;
  readonly #report: ReportJournal;
  readonly #backoff: Backoff;
  readonly #pause = new Pause();
  #running: Promise<void> | undefined;
  #stopped = false;
  #hurried = false;
  #lingering = false;
  #failures = 0;
  /** Records still to be brought one by one, after an append that was rejected. */
  #oneByOne = 0;
  #failuresOfOne = 0;
  #problem = '';

  constructor(
    backlog: Backlog,
    lineage: Pick<Lineage, 'append'>,
    report: ReportJournal,
    backoff: Backoff,
  ) {
    this.#backlog = backlog;
    this.#lineage = lineage;
    this.#report = report;
    this.#backoff = backoff;
  }

  /** Why the last append did not succeed; empty when it did. */
  get problem(): string {
    return this.#problem;
  }

  /** Something waits. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#lingering && this.#backlog.waiting >= BATCH_RECORDS) this.#pause.cut();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (!this.#backlog.isEmpty()) this.wake();
    });
  }

  /** Drains without lingering until nothing waits. */
  async finish(): Promise<void> {
    this.#hurried = true;
    this.#pause.cut();
    do {
      this.wake();
      await this.#running;
    } while (!this.#stopped && !this.#backlog.isEmpty());
  }

  /** Starts nothing more, and touches no file any more. */
  stop(): void {
    this.#stopped = true;
    this.#pause.end();
  }

  async #run(): Promise<void> {
    if (!this.#hurried && this.#backlog.waiting < BATCH_RECORDS) await this.#linger();
    do {
      if (!(await this.#drainBatch())) await this.#pause.wait(this.#nextWaitMs());
    } while (!this.#stopped && !this.#backlog.isEmpty());
  }

  async #linger(): Promise<void> {
    this.#lingering = true;
    await this.#pause.wait(LINGER_MS);
    this.#lingering = false;
  }

  async #drainBatch(): Promise<boolean> {
    try {
      const batch = await this.#backlog.peek(this.#oneByOne > 0 ? 1 : BATCH_RECORDS);
      if (batch.length > 0 && !this.#stopped && !(await this.#bring(batch))) return false;
      if (this.#stopped) return true;
      this.#backlog.done(batch.length);
      await this.#backlog.sweep();
      return true;
    } catch (error) {
      this.#failed(`the journal's own disk: ${problemOf(error)}`);
      return false;
    }
  }

  /** True when the records need not be brought again. */
  async #bring(batch: readonly Waiting[]): Promise<boolean> {
    try {
      const outcome = await this.#append(batch.map(({ row }) => row));
      if (outcome !== 'appended') {
        this.#failed(outcome.problem);
        return false;
      }
      this.#succeeded();
      return true;
    } catch (error) {
      return this.#rejected(batch, problemOf(error));
    }
  }

  async #append(rows: readonly Buffer[]): ReturnType<Lineage['append']> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ kind: 'unavailable'; problem: string }>((resolve) => {
      const problem = `no answer within ${APPEND_WITHIN_MS} ms`;
      timer = setTimeout(() => resolve({ kind: 'unavailable', problem }), APPEND_WITHIN_MS).unref();
    });
    return Promise.race([this.#lineage.append(rows), late]).finally(() => clearTimeout(timer));
  }

  /**
   * A rejection is a defect, not an outage. One by one from here on, until one passes; the one that
   * keeps failing is set aside, because waiting for it would fill the disk and then deny every
   * call.
   */
  async #rejected(batch: readonly Waiting[], problem: string): Promise<boolean> {
    this.#failed(problem);
    if (batch.length > 1) {
      this.#oneByOne = batch.length;
      return false;
    }
    this.#failuresOfOne += 1;
    if (this.#failuresOfOne < TRIES_OF_ONE) return false;
    await this.#setAside(batch[0]!, problem);
    this.#passedOne();
    return true;
  }

  #passedOne(): void {
    this.#failuresOfOne = 0;
    this.#oneByOne = Math.max(this.#oneByOne - 1, 0);
  }

  async #setAside({ row, segment }: Waiting, problem: string): Promise<void> {
    const text = row.toString();
    const buffer = Buffer.allocUnsafe(MAX_LINE_BYTES);
    const length = writeLine(text, buffer, 0);
    const keptAs = await keepRejected(segment, buffer.subarray(0, length));
    const decisionId = decisionIdIn(text);
    this.#report({ kind: 'set_aside', keptAs, decisionId, problem });
  }

  #succeeded(): void {
    this.#passedOne();
    this.#problem = '';
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#report({ kind: 'lineage_back', waiting: this.#backlog.waiting });
  }

  #failed(problem: string): void {
    this.#problem = problem;
    this.#failures += 1;
    if (this.#failures > 1) return;
    this.#report({ kind: 'lineage_away', problem, waiting: this.#backlog.waiting });
  }

  #nextWaitMs(): number {
    const { firstMs, mostMs } = this.#backoff;
    return Math.min(firstMs * 2 ** Math.min(this.#failures - 1, 16), mostMs);
  }
}
