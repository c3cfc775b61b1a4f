import type { CounterSpec, WindowReading } from '../../limits/counter.ts';

/** One limit applied to one scope: all that it counts. */
export interface Entity {
  fits(nowMs: number, spec: CounterSpec): boolean;
  /** Takes from every window. @returns the time to give back to `giveBack` and `settle`. */
  take(nowMs: number, spec: CounterSpec, callId: string): number;
  /** Undoes a take. */
  giveBack(nowMs: number, taken: Taken): void;
  /** The call has ended, and used `used` units where it took `taken.cost`. */
  settle(nowMs: number, taken: Taken, used: number): void;
  read(nowMs: number, spec: CounterSpec): WindowReading[];
  /** True when nothing in it counts any more. */
  idle(nowMs: number): boolean;
}

/** What a call took from an entity, and when. */
export interface Taken {
  readonly takenAtMs: number;
  readonly cost: number;
  readonly callId: string;
}
