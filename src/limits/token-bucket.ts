import { MAX_COUNT } from './bounds.ts';
import type { WindowSpec } from './counter.ts';
import type { Meter, WindowState } from './meter.ts';

/** What sums of fractions may be off by; no whole unit comes of it. */
const ROUNDING = 1e-6;

/**
 * A token bucket: units in use leak evenly, `limit` in `lengthMs`, and at most `burst` may be in
 * use. So in any time t at most burst + limit · t / length units pass.
 */
export class TokenBucket implements Meter {
  readonly lengthMs: number;
  #used = 0;
  #atMs = 0;
  /** Units that leak in `lengthMs`, as last configured. */
  #limit = 0;

  constructor(lengthMs: number) {
    this.lengthMs = lengthMs;
  }

  moveTo(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#used = Math.max(0, this.#used - this.#leakedIn(nowMs - this.#atMs));
    this.#atMs = nowMs;
  }

  fits(nowMs: number, window: WindowSpec, cost: number): boolean {
    this.#adopt(nowMs, window);
    return this.#used + cost <= capacityOf(window) + ROUNDING;
  }

  take(nowMs: number, window: WindowSpec, cost: number): void {
    this.#adopt(nowMs, window);
    this.#used += cost;
  }

  /** Units given back are taken to have leaked first, so that nobody gets them twice. */
  correct(nowMs: number, takenAtMs: number, units: number): void {
    this.moveTo(nowMs);
    if (units >= 0) {
      this.#used = Math.min(MAX_COUNT, this.#used + units);
      return;
    }
    const leaked = this.#leakedIn(this.#atMs - takenAtMs);
    this.#used = Math.max(0, this.#used - Math.max(0, -units - leaked));
  }

  read(nowMs: number, window: WindowSpec, cost: number): WindowState {
    this.#adopt(nowMs, window);
    const capacity = capacityOf(window);
    const violated = !this.fits(nowMs, window, cost);
    const waitMs = (units: number): number => this.#waitMs(nowMs, window, units);
    return {
      remaining: Math.max(0, Math.floor(capacity - this.#used + ROUNDING)),
      resetAfterMs: this.#used === 0 ? 0 : waitMs(Math.ceil(this.#used - ROUNDING) - 1),
      violated,
      retryAfterMs: violated ? (cost > capacity ? Infinity : waitMs(capacity - cost)) : 0,
    };
  }

  idle(nowMs: number): boolean {
    this.moveTo(nowMs);
    return this.#used === 0;
  }

  /** Wait until at most `most` units are in use, which now are more. */
  #waitMs(nowMs: number, { limit }: WindowSpec, most: number): number {
    if (limit === 0) return Infinity;
    const over = this.#used - Math.max(0, most) - ROUNDING;
    return Math.max(1, Math.ceil((over * this.lengthMs) / limit) + this.#atMs - nowMs);
  }

  #adopt(nowMs: number, { limit }: WindowSpec): void {
    if (this.#limit === 0) this.#limit = limit;
    this.moveTo(nowMs);
    this.#limit = limit;
  }

  #leakedIn(ms: number): number {
    return (Math.max(0, ms) * this.#limit) / this.lengthMs;
  }
}

function capacityOf({ limit, burst = limit }: WindowSpec): number {
  return burst;
}
