import type { Algorithm, CounterSpec, WindowReading, WindowSpec } from '../../limits/counter.ts';
import type { Meter } from '../../limits/meter.ts';
import { openMeter } from '../../limits/open-meter.ts';
import type { Entity, Taken } from './entity.ts';

/** One limit on one scope, with all its windows. */
export class WindowEntity implements Entity {
  readonly #algorithm: Exclude<Algorithm, 'leases'>;
  #meters: readonly Meter[];
  /** Latest time seen: the time of all its windows. */
  #atMs = 0;
  /** Its windows are the same since this time: what was taken before is not given back. */
  #sinceMs = 0;

  constructor(algorithm: Exclude<Algorithm, 'leases'>, windows: readonly WindowSpec[]) {
    this.#algorithm = algorithm;
    this.#meters = windows.map(({ lengthMs }) => openMeter(algorithm, lengthMs));
  }

  fits(nowMs: number, { windows, cost }: CounterSpec): boolean {
    this.#moveTo(nowMs);
    return windows.every((window) => this.#meterOf(window).fits(nowMs, window, cost));
  }

  take(nowMs: number, { windows, cost }: CounterSpec): number {
    this.#moveTo(nowMs);
    this.#adopt(windows);
    windows.forEach((window, index) => this.#meters[index]?.take(nowMs, window, cost));
    return this.#atMs;
  }

  giveBack(nowMs: number, { takenAtMs, cost }: Taken): void {
    this.#correct(nowMs, takenAtMs, -cost);
  }

  settle(nowMs: number, { takenAtMs, cost }: Taken, used: number): void {
    this.#correct(nowMs, takenAtMs, used - cost);
  }

  read(nowMs: number, { limitId, scope, unit, windows, cost }: CounterSpec): WindowReading[] {
    this.#moveTo(nowMs);
    return windows.map((window) => {
      const { lengthMs, limit } = window;
      const state = this.#meterOf(window).read(nowMs, window, cost);
      return { limitId, scope, unit, lengthMs, limit, ...state };
    });
  }

  idle(nowMs: number): boolean {
    this.#moveTo(nowMs);
    return this.#meters.every((meter) => meter.idle(nowMs));
  }

  #correct(nowMs: number, takenAtMs: number, units: number): void {
    if (takenAtMs < this.#sinceMs) return;
    this.#moveTo(nowMs);
    for (const meter of this.#meters) meter.correct(nowMs, takenAtMs, units);
  }

  /**
   * After a change of configuration: windows whose length stays keep their counts, the others begin
   * empty. What was taken until now is not given back any more, because it may be in some of the
   * windows only.
   */
  #adopt(windows: readonly WindowSpec[]): void {
    const same =
      windows.length === this.#meters.length &&
      windows.every(({ lengthMs }, index) => this.#meters[index]?.lengthMs === lengthMs);
    if (same) return;
    const idle = this.idle(this.#atMs);
    this.#meters = windows.map((window) => this.#meterOf(window));
    this.#sinceMs = this.#atMs + (idle ? 0 : 1);
    this.#moveTo(this.#atMs);
  }

  #moveTo(nowMs: number): void {
    this.#atMs = Math.max(this.#atMs, nowMs);
    for (const meter of this.#meters) meter.moveTo(this.#atMs);
  }

  /** The meter of a window; an empty one that is not kept when its length is new. */
  #meterOf({ lengthMs }: WindowSpec): Meter {
    const own = this.#meters.find((meter) => meter.lengthMs === lengthMs);
    if (own) return own;
    const fresh = openMeter(this.#algorithm, lengthMs);
    fresh.moveTo(this.#atMs);
    return fresh;
  }
}
