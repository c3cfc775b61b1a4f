import { MAX_COUNT } from './bounds.ts';
import type { WindowSpec } from './counter.ts';
import type { Meter, WindowState } from './meter.ts';

const SUB_BUCKETS = 50;

/**
 * The `strict` algorithm: a window is cut into 50 sub-buckets, and the whole oldest one counts
 * until all of it has left the window. So it never admits more than the limit in any trailing
 * window, and it denies early by at most one sub-bucket, 2 % of the window.
 * `src/stores/redis/lua/entity.lua` is the same algorithm; keep them equal.
 *
 * Sub-bucket `b` of a window of `L` ms holds the whole milliseconds `t` with `floor(50 t / L) = b`.
 * At `t` the sub-buckets `floor(50 t / L) - 50` and later count, and the trailing window `[t - L,
 * t]` lies within them.
 */
export class SlidingWindow implements Meter {
  readonly lengthMs: number;
  /** Closed sub-buckets, each at its number modulo 50. */
  readonly #closed = new Uint32Array(SUB_BUCKETS);
  #running = 0;
  #total = 0;
  #atMs = 0;
  /** Number of the running sub-bucket. */
  #head = 0;

  constructor(lengthMs: number) {
    this.lengthMs = lengthMs;
  }

  moveTo(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#atMs = nowMs;
    const head = this.#bucketOf(nowMs);
    const turns = head - this.#head;
    if (turns > SUB_BUCKETS) this.#clear();
    else for (let turn = 0; turn < turns; turn += 1) this.#close(this.#head + turn);
    this.#head = head;
  }

  fits(nowMs: number, { limit }: WindowSpec, cost: number): boolean {
    this.moveTo(nowMs);
    return this.#total + cost <= limit;
  }

  take(nowMs: number, _window: WindowSpec, cost: number): void {
    this.moveTo(nowMs);
    this.#running += cost;
    this.#total += cost;
  }

  correct(nowMs: number, takenAtMs: number, units: number): void {
    this.moveTo(nowMs);
    const bucket = this.#bucketOf(takenAtMs);
    if (bucket > this.#head || bucket < this.#head - SUB_BUCKETS) return;
    const change = Math.min(MAX_COUNT - this.#total, Math.max(-this.#count(bucket), units));
    if (bucket === this.#head) this.#running += change;
    else this.#closed[bucket % SUB_BUCKETS] = this.#count(bucket) + change;
    this.#total += change;
  }

  read(nowMs: number, { limit }: WindowSpec, cost: number): WindowState {
    this.moveTo(nowMs);
    const violated = this.#total + cost > limit;
    return {
      remaining: Math.max(0, limit - this.#total),
      resetAfterMs: this.#total === 0 ? 0 : this.#waitForMs(nowMs, 1),
      violated,
      retryAfterMs: violated ? this.#retryAfterMs(nowMs, limit, cost) : 0,
    };
  }

  idle(nowMs: number): boolean {
    this.moveTo(nowMs);
    return this.#total === 0;
  }

  #retryAfterMs(nowMs: number, limit: number, cost: number): number {
    return cost > limit ? Infinity : this.#waitForMs(nowMs, this.#total + cost - limit);
  }

  /** Wait until at least `units`, which are in use, have left the window. */
  #waitForMs(nowMs: number, units: number): number {
    let left = 0;
    let bucket = this.#head - SUB_BUCKETS;
    for (; bucket < this.#head; bucket += 1) {
      left += this.#count(bucket);
      if (left >= units) break;
    }
    const leavesAtMs = Math.ceil(((bucket + SUB_BUCKETS + 1) * this.lengthMs) / SUB_BUCKETS);
    return leavesAtMs - nowMs;
  }

  #count(bucket: number): number {
    return bucket === this.#head ? this.#running : (this.#closed[bucket % SUB_BUCKETS] ?? 0);
  }

  // Exact for every time until the year 7000: 50 t stays below 2^53, and the quotient's rounding
  // error below 1 / L.
  #bucketOf(timeMs: number): number {
    return Math.floor((timeMs * SUB_BUCKETS) / this.lengthMs);
  }

  /** Closes the running sub-bucket, in the place of the one that leaves the window. */
  #close(bucket: number): void {
    const place = bucket % SUB_BUCKETS;
    this.#total -= this.#closed[place] ?? 0;
    this.#closed[place] = this.#running;
    this.#running = 0;
  }

  #clear(): void {
    this.#closed.fill(0);
    this.#running = 0;
    this.#total = 0;
  }
}
