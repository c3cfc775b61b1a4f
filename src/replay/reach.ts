import { PeriodClock } from '../budgets/period-clock.ts';
import type { Snapshot } from '../decision/snapshot.ts';

/**
 * From when on calls matter to decisions at a moment: those in windows and in periods that have not
 * ended by then. -Infinity when all that ever happened does, because a budget never ends or carries
 * over what is left.
 */
export function reachMs({ budgets, limits }: Snapshot, fromMs: number): number {
  if (fromMs === -Infinity) return fromMs;
  let reach = fromMs;
  for (const { windows, tiers } of limits.definitions) {
    for (const { lengthMs } of [windows, ...Object.values(tiers)].flat()) {
      // Weighted windows look back at the one before.
      reach = Math.min(reach, fromMs - 2 * lengthMs);
    }
  }
  for (const { period, timeZone, rollover } of budgets.definitions) {
    if (period === 'total' || Object.keys(rollover).length > 0) return -Infinity;
    const { startMs = -Infinity } = new PeriodClock(period, timeZone).at(fromMs);
    reach = Math.min(reach, startMs);
  }
  return reach;
}
