import type { RateLimiter } from '../../src/decision/ports.ts';
import type { ManualClock } from '../../src/lib/clock.ts';
import type { CounterSpec, WindowSpec } from '../../src/limits/counter.ts';
import type { Meter } from '../../src/limits/meter.ts';
import { openMeter } from '../../src/limits/open-meter.ts';
import { counterOf, requestOf, windowsOf } from '../conformance/rate-limiter/fixture.ts';

/** A way to count whose accuracy is measured. */
export interface Way {
  /** As docs/limits-accuracy.md calls it. */
  readonly name: string;
  readonly algorithm: 'strict' | 'weighted' | 'calendar' | 'token_bucket';
  /** Units that a bucket holds, as a part of the limit. */
  readonly burstPart: number;
}

export const WAYS = [
  { name: 'strict', algorithm: 'strict', burstPart: 1 },
  { name: 'weighted', algorithm: 'weighted', burstPart: 1 },
  { name: 'calendar', algorithm: 'calendar', burstPart: 1 },
  { name: 'token bucket', algorithm: 'token_bucket', burstPart: 1 },
  { name: 'token bucket, burst a fifth', algorithm: 'token_bucket', burstPart: 0.2 },
] as const satisfies readonly Way[];

/** The windows as this way counts them. */
export function windowsFor(way: Way, windows: readonly WindowSpec[]): readonly WindowSpec[] {
  if (way.algorithm !== 'token_bucket') return windows;
  return windows.map((window) => ({ ...window, burst: Math.ceil(window.limit * way.burstPart) }));
}

/** The windows alone, with no store round them. */
export class MeteredLimit {
  readonly #windows: readonly (readonly [Meter, WindowSpec])[];

  constructor({ algorithm }: Way, windows: readonly WindowSpec[]) {
    this.#windows = windows.map((window) => [openMeter(algorithm, window.lengthMs), window]);
  }

  /** @returns the numbers of the windows without room for one unit; none when it was taken. */
  ask(atMs: number): readonly number[] {
    let full = NONE;
    for (const [number, [meter, window]] of this.#windows.entries()) {
      if (!meter.fits(atMs, window, 1)) full = [...full, number];
    }
    if (full.length > 0) return full;
    for (const [meter, window] of this.#windows) meter.take(atMs, window, 1);
    return NONE;
  }
}

/** The same question to a store, whose time is that of a clock. */
export class StoredLimit {
  readonly #limiter: RateLimiter;
  readonly #clock: ManualClock;
  readonly #tenant: string;
  readonly #name: string;
  readonly #counters: readonly CounterSpec[];
  #asked = 0;

  constructor(
    limiter: RateLimiter,
    clock: ManualClock,
    { name, algorithm }: Way,
    windows: readonly WindowSpec[],
    tenant: string,
  ) {
    this.#limiter = limiter;
    this.#clock = clock;
    this.#tenant = tenant;
    this.#name = name;
    this.#counters = [counterOf({ limitId: name, algorithm, windows })];
  }

  async ask(atMs: number): Promise<readonly number[]> {
    this.#clock.set(atMs);
    this.#asked += 1;
    const request = requestOf(this.#tenant, this.#counters, `${this.#name} ${this.#asked}`);
    const readings = windowsOf(await this.#limiter.take(request));
    return readings.flatMap(({ violated }, number) => (violated ? [number] : NONE));
  }
}

const NONE: readonly number[] = [];
