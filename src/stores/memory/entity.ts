import type { CounterSpec, WindowReading, WindowSpec } from '../../limits/counter.ts';
import { SlidingWindow } from '../../limits/sliding-window.ts';

/** One limit applied to one scope: all its windows. */
export class Entity {
  #windows: readonly SlidingWindow[];
  /** Latest time seen: the time of all its windows. */
  #atMs = 0;
  /** Its windows are the same since this time: what was taken before is not given back. */
  #sinceMs = 0;

  constructor(windows: readonly WindowSpec[]) {
    this.#windows = windows.map(({ lengthMs }) => new SlidingWindow(lengthMs));
  }

  fits(nowMs: number, { windows, cost }: CounterSpec): boolean {
    this.#moveTo(nowMs);
    return windows.every(
      ({ lengthMs, limit }) =>
        this.#withLength(lengthMs)?.fits(nowMs, limit, cost) ?? cost <= limit,
    );
  }

  /** Takes from every window. @returns the time to give to `refund`. */
  take(nowMs: number, { windows, cost }: CounterSpec): number {
    this.#moveTo(nowMs);
    this.#adopt(windows);
    for (const window of this.#windows) window.take(nowMs, cost);
    return this.#atMs;
  }

  refund(nowMs: number, takenAtMs: number, cost: number): void {
    if (takenAtMs < this.#sinceMs) return;
    this.#moveTo(nowMs);
    for (const window of this.#windows) window.refund(nowMs, takenAtMs, cost);
  }

  read(nowMs: number, { limitId, scope, unit, windows, cost }: CounterSpec): WindowReading[] {
    this.#moveTo(nowMs);
    return windows.map(({ lengthMs, limit }) => {
      const window = this.#withLength(lengthMs) ?? new SlidingWindow(lengthMs);
      return { limitId, scope, unit, lengthMs, limit, ...window.read(nowMs, limit, cost) };
    });
  }

  /** True when nothing in it counts any more. */
  idle(nowMs: number): boolean {
    this.#moveTo(nowMs);
    return this.#windows.every((window) => window.idle(nowMs));
  }

  /**
   * After a change of configuration: windows whose length stays keep their counts, the others begin
   * empty. What was taken until now is not given back any more, because it may be in some of the
   * windows only.
   */
  #adopt(windows: readonly WindowSpec[]): void {
    const same =
      windows.length === this.#windows.length &&
      windows.every(({ lengthMs }, index) => this.#windows[index]?.lengthMs === lengthMs);
    if (same) return;
    const idle = this.idle(this.#atMs);
    this.#windows = windows.map(
      ({ lengthMs }) => this.#withLength(lengthMs) ?? new SlidingWindow(lengthMs),
    );
    this.#sinceMs = this.#atMs + (idle ? 0 : 1);
    this.#moveTo(this.#atMs);
  }

  #moveTo(nowMs: number): void {
    this.#atMs = Math.max(this.#atMs, nowMs);
    for (const window of this.#windows) window.moveTo(this.#atMs);
  }

  #withLength(lengthMs: number): SlidingWindow | undefined {
    return this.#windows.find((window) => window.lengthMs === lengthMs);
  }
}
