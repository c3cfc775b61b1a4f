import type { CalibrationSource, Unavailable, UsageSums } from '../decision/ports.ts';
import { calibrationsOf, NO_CALIBRATIONS, type Calibration } from '../pricing/calibration.ts';
import { startRounds } from './rounds.ts';

/** A factor is found from a hundred calls or more, so some seconds later is soon enough. */
const EVERY_MS = 10_000;
/** About 0.2 KB each. */
const MOST_KEPT = 10_000;

export interface CalibrationLog {
  /** Each time, what is known of how far estimates are off. */
  seen(found: readonly Calibration[]): void;
  failed(problem: string): void;
}

export interface CalibrationRounds extends CalibrationSource {
  /** Reads the factors now. */
  refresh(): Promise<number | Unavailable>;
  stop(): Promise<void>;
}

/**
 * Reads the factors of estimates every so often, beside the decisions. Until the first answer, and
 * for what is not known, the price of the table holds; while the store is away, the last answer.
 */
export function startCalibrations(sums: UsageSums, log: CalibrationLog): CalibrationRounds {
  let calibrations = NO_CALIBRATIONS;
  const refresh = async (): Promise<number | Unavailable> => {
    const found = await sums.calibrations(MOST_KEPT);
    if ('kind' in found) return found;
    calibrations = calibrationsOf(found);
    log.seen(found);
    return found.length;
  };
  const rounds = startRounds({
    everyMs: EVERY_MS,
    atOnce: true,
    round: refresh,
    log: { done: () => undefined, failed: (problem) => log.failed(problem) },
  });
  return { current: () => calibrations, refresh, stop: () => rounds.stop() };
}
