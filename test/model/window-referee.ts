import type { WindowSpec } from '../../src/limits/counter.ts';

/** What a referee saw of one window. */
export interface WindowReport {
  readonly window: WindowSpec;
  /** Most units that were admitted within any trailing window, both ends included. */
  readonly worstUnits: number;
  /**
   * By how much, of its length, the trailing window would have to be longer to be full at each
   * denial: 0 when all were right, 0.02 when one came 2 % of the window early.
   */
  readonly earliest: number;
}

/** What a referee saw of a limit. */
export interface Report {
  readonly calls: number;
  readonly admitted: number;
  /** What a limit would have admitted of the same calls that keeps the times of all of them. */
  readonly admittedByLog: number;
  readonly windows: readonly WindowReport[];
}

/**
 * Keeps the exact times of all calls that a limit admitted, and judges what it does by them. It
 * shares nothing with the windows it judges but what they are configured as.
 */
export class Referee {
  readonly #judged: readonly JudgedWindow[];
  readonly #exact: readonly JudgedWindow[];
  #calls = 0;
  #admitted = 0;
  #admittedByLog = 0;

  constructor(windows: readonly WindowSpec[]) {
    this.#judged = windows.map((window) => new JudgedWindow(window));
    this.#exact = windows.map((window) => new JudgedWindow(window));
  }

  /**
   * Told of each call of one unit, in their order.
   * @param violated numbers of the windows that had no room; none when the call was admitted.
   */
  hear(atMs: number, violated: readonly number[]): void {
    this.#calls += 1;
    if (this.#exact.every((window) => window.hasRoom(atMs))) {
      this.#admittedByLog += 1;
      for (const window of this.#exact) window.admit(atMs);
    }
    for (const number of violated) this.#judged[number]?.deny(atMs);
    if (violated.length > 0) return;
    this.#admitted += 1;
    for (const window of this.#judged) window.admit(atMs);
  }

  report(): Report {
    return {
      calls: this.#calls,
      admitted: this.#admitted,
      admittedByLog: this.#admittedByLog,
      windows: this.#judged.map((window) => window.report()),
    };
  }
}

/** The exact log of one window. Its time never falls. */
class JudgedWindow {
  readonly #window: WindowSpec;
  readonly #timesMs: number[] = [];
  /** Number of the first admission that is within the trailing window. */
  #first = 0;
  #worstUnits = 0;
  #earliestMs = 0;

  constructor(window: WindowSpec) {
    this.#window = window;
  }

  hasRoom(nowMs: number): boolean {
    return this.#unitsAt(nowMs) < this.#window.limit;
  }

  /** No trailing window holds more than the one that ends with its last admission. */
  admit(nowMs: number): void {
    this.#timesMs.push(nowMs);
    this.#worstUnits = Math.max(this.#worstUnits, this.#unitsAt(nowMs));
  }

  deny(nowMs: number): void {
    const { lengthMs, limit } = this.#window;
    const fullSinceMs = this.#timesMs[this.#timesMs.length - limit] ?? -Infinity;
    this.#earliestMs = Math.max(this.#earliestMs, nowMs - fullSinceMs - lengthMs);
  }

  report(): WindowReport {
    return {
      window: this.#window,
      worstUnits: this.#worstUnits,
      earliest: this.#earliestMs / this.#window.lengthMs,
    };
  }

  /** Within `[now - length, now]`. */
  #unitsAt(nowMs: number): number {
    const sinceMs = nowMs - this.#window.lengthMs;
    while ((this.#timesMs[this.#first] ?? Infinity) < sinceMs) this.#first += 1;
    return this.#timesMs.length - this.#first;
  }
}
