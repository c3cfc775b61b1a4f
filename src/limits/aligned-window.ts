import { MAX_COUNT } from './bounds.ts';
import type { WindowSpec } from './counter.ts';
import type { Meter, WindowState } from './meter.ts';

/**
 * Windows that begin at whole multiples of their length since the epoch, in UTC.
 *
 * Calendar windows begin empty, so two neighbours may together admit twice the limit around their
 * edge. Weighted ones count of the window before the share that a trailing window still overlaps,
 * as if its calls had come evenly; where they did not, more is admitted than the limit.
 */
export class AlignedWindow implements Meter {
  readonly lengthMs: number;
  readonly #weighted: boolean;
  #current = 0;
  #previous = 0;
  #atMs = 0;

  constructor(lengthMs: number, { weighted }: { readonly weighted: boolean }) {
    this.lengthMs = lengthMs;
    this.#weighted = weighted;
  }

  moveTo(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    const turns = this.#numberOf(nowMs) - this.#numberOf(this.#atMs);
    this.#atMs = nowMs;
    if (turns === 0) return;
    this.#previous = turns === 1 ? this.#current : 0;
    this.#current = 0;
  }

  fits(nowMs: number, { limit }: WindowSpec, cost: number): boolean {
    this.moveTo(nowMs);
    return this.#usedAt(this.#atMs) + cost <= limit;
  }

  take(nowMs: number, _window: WindowSpec, cost: number): void {
    this.moveTo(nowMs);
    this.#current = Math.min(MAX_COUNT, this.#current + cost);
  }

  correct(nowMs: number, takenAtMs: number, units: number): void {
    this.moveTo(nowMs);
    const age = this.#numberOf(this.#atMs) - this.#numberOf(takenAtMs);
    if (age === 0) this.#current = withinCount(this.#current + units);
    if (age === 1) this.#previous = withinCount(this.#previous + units);
  }

  read(nowMs: number, { limit }: WindowSpec, cost: number): WindowState {
    this.moveTo(nowMs);
    const used = this.#usedAt(this.#atMs);
    const violated = used + cost > limit;
    return {
      remaining: Math.max(0, Math.floor(limit - used)),
      resetAfterMs: used === 0 ? 0 : this.#waitMs(nowMs, Math.ceil(used) - 1),
      violated,
      retryAfterMs: violated ? this.#retryAfterMs(nowMs, limit, cost) : 0,
    };
  }

  idle(nowMs: number): boolean {
    this.moveTo(nowMs);
    return this.#current === 0 && this.#previous === 0;
  }

  #retryAfterMs(nowMs: number, limit: number, cost: number): number {
    return cost > limit ? Infinity : this.#waitMs(nowMs, limit - cost);
  }

  /** Wait until at most `most` units are in use, which now are more. */
  #waitMs(nowMs: number, most: number): number {
    const startMs = this.#numberOf(this.#atMs) * this.lengthMs;
    const nextMs = startMs + this.lengthMs;
    if (!this.#weighted) return nextMs - nowMs;
    const candidateMs =
      this.#current <= most
        ? startMs + this.#elapsedFor(this.#previous, most - this.#current)
        : nextMs + this.#elapsedFor(this.#current, most);
    return this.#earliestMs(candidateMs, most) - nowMs;
  }

  /** How far a window must have run until of `count` before it at most `most` count. */
  #elapsedFor(count: number, most: number): number {
    return Math.ceil(this.lengthMs * (1 - most / count));
  }

  /** Mends what the division rounded. */
  #earliestMs(candidateMs: number, most: number): number {
    let atMs = candidateMs;
    while (this.#usedAt(atMs) > most) atMs += 1;
    while (atMs - 1 > this.#atMs && this.#usedAt(atMs - 1) <= most) atMs -= 1;
    return atMs;
  }

  /** At a time that is not before the latest seen. */
  #usedAt(timeMs: number): number {
    const number = this.#numberOf(timeMs);
    const turns = number - this.#numberOf(this.#atMs);
    if (!this.#weighted) return turns === 0 ? this.#current : 0;
    if (turns > 1) return 0;
    const before = turns === 0 ? this.#previous : this.#current;
    const running = turns === 0 ? this.#current : 0;
    return (before * ((number + 1) * this.lengthMs - timeMs)) / this.lengthMs + running;
  }

  #numberOf(timeMs: number): number {
    return Math.floor(timeMs / this.lengthMs);
  }
}

function withinCount(count: number): number {
  return Math.min(MAX_COUNT, Math.max(0, count));
}
