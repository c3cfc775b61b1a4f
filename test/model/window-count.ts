import type { CounterSpec, WindowReading, WindowSpec } from '../../src/limits/counter.ts';

const SUB_BUCKETS = 50;

/** The truth about strict counters: what each holds when only admitted calls ever count. */
export class StrictCounts {
  readonly #logs = new Map<string, readonly UnitLog[]>();

  fits(nowMs: number, counters: readonly CounterSpec[]): boolean {
    return counters.every((counter) =>
      counter.windows.every(
        ({ limit }, index) => this.#unitsOf(nowMs, counter, index) + counter.cost <= limit,
      ),
    );
  }

  add(nowMs: number, counters: readonly CounterSpec[]): void {
    for (const counter of counters) {
      for (const log of this.#logsOf(counter)) log.add(nowMs, counter.cost);
    }
  }

  /**
   * @param readings of all windows of the counters, in their order.
   * @returns units that are in use and that no admitted call took, or the other way round.
   */
  leakedUnits(
    nowMs: number,
    counters: readonly CounterSpec[],
    readings: readonly WindowReading[],
  ): number {
    let leaked = 0;
    let place = 0;
    for (const counter of counters) {
      for (const [index, { limit }] of counter.windows.entries()) {
        const remaining = readings[place]?.remaining ?? NaN;
        leaked += Math.abs(limit - remaining - this.#unitsOf(nowMs, counter, index));
        place += 1;
      }
    }
    return place === readings.length ? leaked : NaN;
  }

  #unitsOf(nowMs: number, counter: CounterSpec, index: number): number {
    return this.#logsOf(counter)[index]?.unitsAt(nowMs) ?? 0;
  }

  #logsOf({ scope, windows }: CounterSpec): readonly UnitLog[] {
    const known = this.#logs.get(scope);
    if (known !== undefined) return known;
    const logs = windows.map((window) => new UnitLog(window));
    this.#logs.set(scope, logs);
    return logs;
  }
}

/** All units of one window, each with the sub-bucket that it was taken in. */
class UnitLog {
  readonly #lengthMs: number;
  #entries: { readonly bucket: number; readonly units: number }[] = [];
  #first = 0;
  #units = 0;

  constructor({ lengthMs }: WindowSpec) {
    this.#lengthMs = lengthMs;
  }

  add(nowMs: number, units: number): void {
    this.#entries.push({ bucket: this.#bucketOf(nowMs), units });
    this.#units += units;
  }

  /** The running sub-bucket and the fifty before it. */
  unitsAt(nowMs: number): number {
    const oldest = this.#bucketOf(nowMs) - SUB_BUCKETS;
    for (;;) {
      const entry = this.#entries[this.#first];
      if (entry === undefined || entry.bucket >= oldest) break;
      this.#units -= entry.units;
      this.#first += 1;
    }
    if (this.#first > 1_000) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return this.#units;
  }

  #bucketOf(timeMs: number): number {
    return Math.floor((timeMs * SUB_BUCKETS) / this.#lengthMs);
  }
}
