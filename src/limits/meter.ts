import type { WindowReading, WindowSpec } from './counter.ts';

/** What a window says about a call; the fields of a reading that time changes. */
export type WindowState = Pick<
  WindowReading,
  'remaining' | 'resetAfterMs' | 'violated' | 'retryAfterMs'
>;

/**
 * One window of one scope. Its time never goes backwards: an earlier `nowMs` is taken as the latest
 * one seen. The scripts beside src/stores/redis are the same algorithms; keep them equal.
 */
export interface Meter {
  readonly lengthMs: number;
  /** Brings the window to `nowMs`, as everything else here does first. */
  moveTo(nowMs: number): void;
  /** True when `cost` more units stay within the limit at `nowMs`. */
  fits(nowMs: number, window: WindowSpec, cost: number): boolean;
  /** Counts `cost` units, whether they fit or not. */
  take(nowMs: number, window: WindowSpec, cost: number): void;
  /**
   * Adds units to what was taken at `takenAtMs`, or gives some back (below 0). Nothing happens when
   * that has left the window, and never more is given back than is in use.
   */
  correct(nowMs: number, takenAtMs: number, units: number): void;
  /** How the window stands for a call that would take `cost`. Waits count from `nowMs`. */
  read(nowMs: number, window: WindowSpec, cost: number): WindowState;
  /** True when nothing counts any more at `nowMs`. */
  idle(nowMs: number): boolean;
}
