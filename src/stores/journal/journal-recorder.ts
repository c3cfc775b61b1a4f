import type { Clock } from '../../lib/clock.ts';
import type { Health, Lineage, Recorder } from '../../decision/ports.ts';
import { decidedAtMsIn, recordRow } from '../../decision/record-row.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import { Backlog } from './backlog.ts';
import { Batch, type Lines, type Recorded } from './batch.ts';
import { Drainer, type Backoff } from './drainer.ts';
import { JournalDirectory } from './journal-directory.ts';
import type { ReportJournal } from './journal-event.ts';
import { problemOf } from './problem.ts';
import { Refusals } from './refusals.ts';
import type { SegmentWriter } from './segment.ts';

/** A segment is deleted as a whole, so a smaller one gives its room back earlier. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

/**
 * Room on disk for about half a million ordinary records: eight minutes at a thousand decisions a
 * second.
 */
const MAX_BYTES = 1024 * 1024 * 1024;

/**
 * Waits after an append that failed. The longest bounds how long a Lineage that is back is not
 * noticed.
 */
const BACKOFF: Backoff = { firstMs: 100, mostMs: 5000 };

/** Between tries of a directory that cannot be used. */
const REOPEN_AFTER_MS = 500;

/** How often it is looked whether somebody deleted the segment in use. */
const LOOK_EVERY_MS = 100;

/**
 * A segment all of which is in the Lineage is deleted after this much quiet: it holds personal
 * data.
 */
const RETIRE_AFTER_MS = 1000;

export interface JournalOptions {
  /** This process's own; created when missing. */
  readonly directory: string;
  readonly lineage: Pick<Lineage, 'append'>;
  readonly clock: Clock;
  /** Must not throw. */
  readonly report: ReportJournal;
  /**
   * True makes a record survive a loss of power too, at the price of a disk flush for each group.
   */
  readonly fsync?: boolean;
  readonly maxBytes?: number;
  /** What becomes of a decision that cannot be recorded. */
  readonly onFull?: 'deny' | 'drop';
  readonly segmentBytes?: number;
  readonly backoff?: Backoff;
}

/** How the journal is. */
export interface JournalStatus extends Health {
  /**
   * Why the Lineage does not take what waits; empty when it does. The journal is well without it
   * for a while.
   */
  readonly lineageProblem: string;
  /** Records that could not be kept since the start, refused or dropped. */
  readonly refused: number;
  readonly waiting: number;
  /** Of those waiting, records held in memory. */
  readonly inMemory: number;
  readonly segments: number;
  readonly bytes: number;
  /** Since the oldest waiting record was decided; 0 when none waits. */
  readonly oldestAgeMs: number;
}

/**
 * Records on local disk first, then in the Lineage. Records taken in one turn of the event loop are
 * appended with one write, which a kill of the process cannot undo, and brought to the Lineage in
 * order and in the background. A record is in the Lineage exactly once, because append leaves a
 * decision id alone that it has seen.
 */
export class JournalRecorder implements Recorder {
  readonly #options: JournalOptions;
  readonly #maxBytes: number;
  readonly #backlog: Backlog;
  readonly #drainer: Drainer;
  readonly #refusals: Refusals;
  readonly #batch: Batch;
  #home: JournalDirectory | undefined;
  #writer: SegmentWriter | undefined;
  #nextOpenAtMs = 0;
  #nextLookAtMs = 0;
  #quietSinceMs = 0;
  #problem = '';
  #closed = false;
  readonly #upkeep: NodeJS.Timeout;

  /**
   * Never throws: a directory that cannot be used is a problem that records are answered with until
   * it can.
   */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#refusals = new Refusals(
      options.report,
      options.onFull === 'drop' ? 'dropped' : 'refused',
    );
    this.#backlog = new Backlog(options.report);
    const { lineage, report, backoff = BACKOFF } = options;
    this.#drainer = new Drainer(this.#backlog, lineage, report, backoff);
    this.#batch = new Batch((lines) => this.#write(lines));
    this.#upkeep = setInterval(() => this.#keepUp(), RETIRE_AFTER_MS).unref();
    this.#openHome();
  }

  record(record: DecisionRecord): Promise<Recorded> {
    if (this.#closed) return this.#refuse('the journal is closed');
    if (this.#isFull()) return this.#refuse(this.#fullness());
    return this.#batch.add(recordRow(record)) ?? this.#refuse('the record is too long');
  }

  waiting(): number {
    return this.#backlog.waiting + this.#batch.records;
  }

  status(): JournalStatus {
    const oldest = this.#backlog.oldest;
    const problem = this.#problem || (this.#isFull() ? this.#fullness() : '');
    return {
      adapter: 'journal',
      healthy: problem === '',
      problem,
      lineageProblem: this.#drainer.problem,
      refused: this.#refusals.total,
      waiting: this.waiting(),
      inMemory: this.#backlog.inMemory,
      segments: this.#backlog.segments,
      bytes: this.#backlog.bytes,
      oldestAgeMs: oldest ? this.#options.clock.nowMs() - decidedAtMsIn(oldest.toString()) : 0,
    };
  }

  async close(withinMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#upkeep);
    this.#batch.flush();
    this.#writer?.close();
    await within(withinMs, this.#drainer.finish());
    this.#drainer.stop();
    this.#backlog.release();
    this.#home?.release();
  }

  #isFull(): boolean {
    return this.#backlog.bytes + this.#batch.bytes >= this.#maxBytes;
  }

  #fullness(): string {
    return `the journal holds its bound of ${this.#maxBytes} bytes`;
  }

  #refuse(problem: string): Promise<Recorded> {
    return Promise.resolve(this.#refusals.refuse(problem, 1, this.#options.clock.nowMs()));
  }

  /** Appends the lines with one write. */
  #write({ records, buffer, bytes }: Lines): Recorded | Promise<Recorded> {
    const nowMs = this.#options.clock.nowMs();
    try {
      const writer = this.#writerFor(nowMs);
      writer.append(buffer, bytes);
      this.#backlog.took(writer.segment, records, bytes);
      this.#problem = '';
      this.#quietSinceMs = nowMs;
      this.#drainer.wake();
      return this.#options.fsync ? this.#synced(writer, records) : 'recorded';
    } catch (error) {
      this.#problem = problemOf(error);
      return this.#refusals.refuse(this.#problem, records, nowMs);
    }
  }

  /**
   * After a flush that failed nobody knows what is on the disk, so the segment is left and the
   * caller is told; the records are in memory or in the file and may still reach the Lineage.
   */
  async #synced(writer: SegmentWriter, records: number): Promise<Recorded> {
    try {
      await writer.sync();
      return 'recorded';
    } catch (error) {
      writer.close();
      return this.#refusals.refuse(problemOf(error), records, this.#options.clock.nowMs());
    }
  }

  /** @throws when the directory or the disk does not allow it. */
  #writerFor(nowMs: number): SegmentWriter {
    if (nowMs >= this.#nextLookAtMs) this.#lookForLoss(nowMs);
    const size = this.#options.segmentBytes ?? SEGMENT_BYTES;
    if (this.#writer && this.#writer.segment.bytes >= size) this.#writer.close();
    if (this.#writer && !this.#writer.segment.sealed) return this.#writer;
    if (!this.#home) this.#openHome();
    if (!this.#home) throw new Error(this.#problem);
    this.#writer = this.#home.create(this.#options.fsync ?? false);
    this.#backlog.open(this.#writer.segment);
    return this.#writer;
  }

  /**
   * A segment that was deleted under us no longer protects what is written to it: leave it, and its
   * directory.
   */
  #lookForLoss(nowMs: number): void {
    this.#nextLookAtMs = nowMs + LOOK_EVERY_MS;
    if (!this.#writer || this.#writer.segment.sealed || !this.#writer.isGone()) return;
    this.#writer.close();
    this.#home?.release();
    this.#home = undefined;
  }

  #openHome(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#nextOpenAtMs) return;
    try {
      this.#home = JournalDirectory.open(this.#options.directory, nowMs);
      this.#adopt(this.#home);
      this.#problem = '';
    } catch (error) {
      this.#nextOpenAtMs = nowMs + REOPEN_AFTER_MS;
      this.#problem = problemOf(error);
    }
  }

  #adopt(home: JournalDirectory): void {
    const leftovers = this.#backlog.adopt(home.leftovers());
    if (leftovers.length === 0) return;
    const bytes = leftovers.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#options.report({ kind: 'adopted', segments: leftovers.length, bytes });
    this.#drainer.wake();
  }

  #keepUp(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#refusals.tell(nowMs);
    if (!this.#home) this.#openHome();
    const quiet = nowMs - this.#quietSinceMs >= RETIRE_AFTER_MS;
    if (!quiet || !this.#backlog.isEmpty() || !this.#writer) return;
    this.#writer.close();
    this.#drainer.wake();
  }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
