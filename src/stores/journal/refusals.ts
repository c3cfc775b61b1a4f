import type { Unavailable } from '../../decision/ports.ts';
import type { ReportJournal } from './journal-event.ts';

/** A full disk refuses thousands of records a second; an operator needs one line about them. */
const TELL_EVERY_MS = 1000;

/** Counts refused records and tells of them, together, at most once a second. */
export class Refusals {
  readonly #report: ReportJournal;
  #untold = 0;
  #problem = '';
  #nextMs = -Infinity;
  /** Records refused since the start. */
  total = 0;

  constructor(report: ReportJournal) {
    this.#report = report;
  }

  refuse(problem: string, records: number, nowMs: number): Unavailable {
    this.total += records;
    this.#untold += records;
    this.#problem = problem;
    this.tell(nowMs);
    return { kind: 'unavailable', problem };
  }

  /** Tells what has not been told, when it is time. */
  tell(nowMs: number): void {
    if (this.#untold === 0 || nowMs < this.#nextMs) return;
    this.#report({ kind: 'refused', records: this.#untold, problem: this.#problem });
    this.#untold = 0;
    this.#nextMs = nowMs + TELL_EVERY_MS;
  }
}
