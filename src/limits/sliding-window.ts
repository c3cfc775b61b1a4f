import type { CounterSpec, WindowReading } from './counter.ts';

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
const SUB_BUCKETS = 50;

/** Largest limit: counts are kept in 32 bits, and no count is ever above its limit. */
export const MAX_COUNT = 2 ** 32 - 1;

/** Longest window, about 46 days: times within a window and one sub-bucket are kept in 32 bits. */
export const MAX_WINDOW_MS = 4_000_000_000;

/** Most windows of one counter and most counters of one call, as the contract says. */
const MAX_WINDOWS = 8;
const MAX_COUNTERS = 64;

/**
 * What a window says about a call that would take `cost`; the fields of a reading that time
 * changes.
 */
type WindowState = Pick<WindowReading, 'remaining' | 'resetAfterMs' | 'violated' | 'retryAfterMs'>;

/**
 * One window of one scope. Its time never goes backwards: an earlier `nowMs` is taken as the latest
 * one seen.
 */
export class SlidingWindow {
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

  /** Brings the window to `nowMs`, as everything else here does first. */
  moveTo(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#atMs = nowMs;
    const head = this.#bucketOf(nowMs);
    const turns = head - this.#head;
    if (turns > SUB_BUCKETS) this.#clear();
    else for (let turn = 0; turn < turns; turn += 1) this.#close(this.#head + turn);
    this.#head = head;
  }

  /** True when `cost` more units stay within the limit at `nowMs`. */
  fits(nowMs: number, limit: number, cost: number): boolean {
    this.moveTo(nowMs);
    return this.#total + cost <= limit;
  }

  /** Counts `cost` units, whether they fit or not. @returns the time to give to `refund`. */
  take(nowMs: number, cost: number): number {
    this.moveTo(nowMs);
    this.#running += cost;
    this.#total += cost;
    return this.#atMs;
  }

  /**
   * Gives `cost` units back to the sub-bucket of `takenAtMs`; nothing when that has left the
   * window.
   */
  refund(nowMs: number, takenAtMs: number, cost: number): void {
    this.moveTo(nowMs);
    const bucket = this.#bucketOf(takenAtMs);
    if (bucket > this.#head || bucket < this.#head - SUB_BUCKETS) return;
    const back = Math.min(cost, this.#count(bucket));
    if (bucket === this.#head) this.#running -= back;
    else this.#closed[bucket % SUB_BUCKETS] = this.#count(bucket) - back;
    this.#total -= back;
  }

  /**
   * How the window stands for a call that would take `cost`, without taking it. Waits count from
   * `nowMs`.
   */
  read(nowMs: number, limit: number, cost: number): WindowState {
    this.moveTo(nowMs);
    const violated = this.#total + cost > limit;
    return {
      remaining: Math.max(0, limit - this.#total),
      resetAfterMs: this.#total === 0 ? 0 : this.#waitForMs(nowMs, 1),
      violated,
      retryAfterMs: violated ? this.#retryAfterMs(nowMs, limit, cost) : 0,
    };
  }

  /** True when nothing counts any more at `nowMs`. */
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

/**
 * Checks what the algorithm and its stores rely on. Configuration and edge have checked it before,
 * so a failure is a defect of the caller.
 * @throws RangeError naming the counter and what is wrong with it.
 */
export function checkCounters(counters: readonly CounterSpec[]): void {
  if (counters.length > MAX_COUNTERS) throw new RangeError(`more than ${MAX_COUNTERS} counters`);
  const names = new Set<string>();
  for (const counter of counters) {
    const name = `${counter.limitId} ${counter.scope}`;
    const wrong = whatIsWrong(counter);
    if (wrong !== undefined) throw new RangeError(`counter ${name}: ${wrong}`);
    names.add(`${name} ${counter.unit} ${counter.crossTenant}`);
  }
  if (names.size < counters.length) throw new RangeError('the same counter twice in one call');
}

function whatIsWrong({ cost, windows }: CounterSpec): string | undefined {
  if (!isWhole(cost) || cost < 0) return `cost ${cost} is not a whole number ≥ 0`;
  if (windows.length < 1 || windows.length > MAX_WINDOWS) return `${windows.length} windows`;
  let shorterMs = 0;
  for (const { lengthMs, limit } of windows) {
    if (!isWhole(lengthMs) || lengthMs > MAX_WINDOW_MS) return `a window of ${lengthMs} ms`;
    if (lengthMs <= shorterMs) return 'its windows are not sorted, shortest first';
    if (!isWhole(limit) || limit < 0 || limit > MAX_COUNT) return `a limit of ${limit}`;
    shorterMs = lengthMs;
  }
  return undefined;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value);
}
