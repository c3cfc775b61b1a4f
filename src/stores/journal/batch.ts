import type { Unavailable } from '../../decision/ports.ts';
import { MAX_LINE_BYTES, writeLine } from './line.ts';

export type Recorded = 'recorded' | 'dropped' | Unavailable;

/**
 * Lines of one turn of the event loop; past this they are written before the turn ends. At least
 * one line fits.
 */
const BUFFER_BYTES = 2 * MAX_LINE_BYTES;

export interface Lines {
  readonly records: number;
  /** Holds the lines in its first `bytes`; overwritten when `write` has returned. */
  readonly buffer: Buffer;
  readonly bytes: number;
}

/**
 * Collects the records of one turn of the event loop, so that one write and one promise serve them
 * all.
 */
export class Batch {
  readonly #write: (lines: Lines) => Recorded | Promise<Recorded>;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #records = 0;
  #bytes = 0;
  #answer = Promise.withResolvers<Recorded>();

  constructor(write: (lines: Lines) => Recorded | Promise<Recorded>) {
    this.#write = write;
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns undefined when the record is longer than a line may be. */
  add(row: string): Promise<Recorded> | undefined {
    let length = writeLine(row, this.#buffer, this.#bytes);
    if (length === 0) {
      this.flush();
      length = writeLine(row, this.#buffer, 0);
    }
    if (length === 0 || length > MAX_LINE_BYTES) return undefined;
    if (this.#records === 0) setImmediate(() => this.flush());
    this.#records += 1;
    this.#bytes += length;
    return this.#answer.promise;
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#records === 0) return;
    const lines = { records: this.#records, buffer: this.#buffer, bytes: this.#bytes };
    this.#answer.resolve(this.#write(lines));
    this.#answer = Promise.withResolvers();
    this.#records = 0;
    this.#bytes = 0;
  }
}
