import type { Unavailable } from '../../decision/ports.ts';
import type { ReportJournal } from './journal-event.ts';

/** A full disk refuses thousands of records a second; an operator needs one line about them. */
const TELL_EVERY_MS = 1000;

/** Counts records that could not be kept and tells of them, together, at most once a second. */
export class Refusals {
  readonly #report: ReportJournal;
  readonly #kind: 'refused' | 'dropped';
  #untold = 0;
  #problem = '';
  #nextMs = -Infinity;
  /** Since the start. */
  total = 0;

  /** @param kind `refused`: their callers are denied; `dropped`: they are not. */
  constructor(report: ReportJournal, kind: 'refused' | 'dropped') {
    this.#kind = kind;
    this.#report = report;
  }

  refuse(problem: string, records: number, nowMs: number): 'dropped' | Unavailable {
    this.total += records;
    this.#untold += records;
    this.#problem = problem;
    this.tell(nowMs);
    return this.#kind === 'dropped' ? 'dropped' : { kind: 'unavailable', problem };
  }

  /** Tells what has not been told, when it is time. */
  tell(nowMs: number): void {
    if (this.#untold === 0 || nowMs < this.#nextMs) return;
    this.#report({ kind: this.#kind, records: this.#untold, problem: this.#problem });
    this.#untold = 0;
    this.#nextMs = nowMs + TELL_EVERY_MS;
  }
}
