import type { CounterSpec, WindowReading, WindowSpec } from '../../limits/counter.ts';
import type { Entity, Taken } from './entity.ts';

/** Calls in flight, each until it ends or its lease does. */
export class LeaseEntity implements Entity {
  /** When each lease ends, by call; the order of the map is that of the takes. */
  readonly #endsAtMs = new Map<string, number>();
  #atMs = 0;

  fits(nowMs: number, spec: CounterSpec): boolean {
    this.#moveTo(nowMs);
    return this.#endsAtMs.size + 1 <= windowOf(spec).limit;
  }

  take(nowMs: number, spec: CounterSpec, callId: string): number {
    this.#moveTo(nowMs);
    this.#endsAtMs.set(callId, this.#atMs + windowOf(spec).lengthMs);
    return this.#atMs;
  }

  giveBack(_nowMs: number, { callId }: Taken): void {
    this.#endsAtMs.delete(callId);
  }

  settle(nowMs: number, taken: Taken): void {
    this.giveBack(nowMs, taken);
  }

  read(nowMs: number, spec: CounterSpec): WindowReading[] {
    this.#moveTo(nowMs);
    const { limitId, scope, unit } = spec;
    const { lengthMs, limit } = windowOf(spec);
    const ends = [...this.#endsAtMs.values()].sort((a, b) => a - b);
    const over = ends.length + 1 - limit;
    const waitMs = (lease: number): number => (ends[lease - 1] ?? Infinity) - nowMs;
    return [
      {
        limitId,
        scope,
        unit,
        lengthMs,
        limit,
        remaining: Math.max(0, limit - ends.length),
        resetAfterMs: ends.length === 0 ? 0 : waitMs(1),
        violated: over > 0,
        retryAfterMs: over > 0 ? waitMs(over) : 0,
      },
    ];
  }

  idle(nowMs: number): boolean {
    this.#moveTo(nowMs);
    return this.#endsAtMs.size === 0;
  }

  #moveTo(nowMs: number): void {
    this.#atMs = Math.max(this.#atMs, nowMs);
    for (const [callId, endsAtMs] of this.#endsAtMs) {
      if (endsAtMs <= this.#atMs) this.#endsAtMs.delete(callId);
    }
  }
}

function windowOf({ windows: [window] }: CounterSpec): WindowSpec {
  if (window === undefined) throw new RangeError('leases without a window');
  return window;
}
