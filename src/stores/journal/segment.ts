import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** One file of the journal: lines in the order in which they were taken. */
export interface Segment {
  readonly path: string;
  /** Length of what is known to be whole. */
  bytes: number;
  /** Lines not yet in the Lineage. */
  waiting: number;
  /** Lines found damaged so far. */
  damagedLines: number;
  /** The end may be cut off: it was being written when its process ended. */
  readonly mayBeTorn: boolean;
  /** Nothing will be appended any more. */
  sealed: boolean;
  /**
   * Of this process, kept open for reading: what somebody deletes under us is not lost. Undefined
   * for what an earlier process wrote.
   */
  readonly fd: number | undefined;
  /** Lets go of the descriptor. */
  readonly release: () => void;
}

/** Appends to one segment. A write that fails leaves the file as it was before. */
export class SegmentWriter {
  readonly segment: Segment;
  readonly #fd: number;
  #cutBack = false;
  #syncing = 0;
  #released = false;
  #closed = false;

  /** Creates the file. @throws what the file system says. */
  constructor(path: string) {
    this.#fd = openSync(path, 'ax+', 0o600);
    this.segment = {
      path,
      bytes: 0,
      waiting: 0,
      damagedLines: 0,
      mayBeTorn: false,
      sealed: false,
      fd: this.#fd,
      release: () => {
        this.#released = true;
        this.#closeWhenIdle();
      },
    };
  }

  /** One write for all lines. @throws what the file system says; nothing is appended then. */
  append(buffer: Buffer, length: number): void {
    if (this.#cutBack) this.#restore();
    this.#cutBack = true;
    for (let written = 0; written < length;) {
      const count = writeSync(this.#fd, buffer, written, length - written);
      if (count === 0) throw new Error('the disk takes no more bytes');
      written += count;
    }
    this.#cutBack = false;
    this.segment.bytes += length;
  }

  /**
   * Cuts off what a failed write left behind, so that a line is never torn in the middle of the
   * journal.
   */
  #restore(): void {
    ftruncateSync(this.#fd, this.segment.bytes);
    this.#cutBack = false;
  }

  /** True when somebody deleted the file: what is written to it would not survive this process. */
  isGone(): boolean {
    return fstatSync(this.#fd).nlink === 0;
  }

  /** Resolves when everything appended so far survives a loss of power. */
  sync(): Promise<void> {
    this.#syncing += 1;
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        this.#syncing -= 1;
        this.#closeWhenIdle();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  close(): void {
    if (this.segment.sealed) return;
    this.segment.sealed = true;
    try {
      if (this.#cutBack) this.#restore();
    } catch {
      // The disk is past repair just now. This process knows where the whole lines end; a later one
      // finds the cut line and says so.
    }
  }

  /**
   * A descriptor that is being synced must not be closed: its number could be another file by then.
   */
  #closeWhenIdle(): void {
    if (!this.#released || this.#syncing > 0 || this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}
