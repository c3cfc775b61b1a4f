/** Calls that one limit denied on one scope, to be added to those counted before. */
export interface ViolationCount {
  readonly limitId: string;
  readonly scope: string;
  /** The longest window that had no room, in ms. */
  readonly windowMs: number;
  /** A whole number ≥ 1. */
  readonly count: number;
}

/** How often one limit denied on one scope, since it last had a week without. */
export interface Violation extends ViolationCount {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Minutes in a row, the latest included, in each of which it denied. */
  readonly minutesInRow: number;
}

/** From so many minutes in a row on, an owner does not only have a burst. */
export const SUSTAINED_MINUTES = 5;

/** Kept so long after the last one. */
export const KEEP_VIOLATIONS_MS = 7 * 24 * 60 * 60 * 1000;

/** Limits and scopes of one tenant that are kept apart; more are not counted. */
export const MAX_VIOLATIONS = 1_000;

/** Whether a violation has gone on until now, and is worth somebody's attention. */
export function isSustained({ minutesInRow, lastAtMs }: Violation, nowMs: number): boolean {
  return minutesInRow >= SUSTAINED_MINUTES && nowMs - lastAtMs < 2 * MINUTE_MS;
}

/** Adds newly counted ones to what was known; src/stores/redis/lua/violate.lua does the same. */
export function addViolation(
  known: Violation | undefined,
  more: ViolationCount,
  nowMs: number,
): Violation {
  if (!known) return { ...more, firstAtMs: nowMs, lastAtMs: nowMs, minutesInRow: 1 };
  const minutes = minuteOf(nowMs) - minuteOf(known.lastAtMs);
  const row = minutes === 0 ? known.minutesInRow : minutes === 1 ? known.minutesInRow + 1 : 1;
  return {
    ...more,
    count: known.count + more.count,
    firstAtMs: known.firstAtMs,
    lastAtMs: Math.max(known.lastAtMs, nowMs),
    minutesInRow: minutes < 0 ? known.minutesInRow : row,
  };
}

const MINUTE_MS = 60_000;

function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS);
}
