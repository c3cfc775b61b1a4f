import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import type { Recalibration } from '../decision/usage.ts';
import type { Violation } from '../limits/violation.ts';
import type { Calibration } from '../pricing/calibration.ts';
import type { DecisionCounts } from './decision-counts.ts';
import type { Count, Series } from './series.ts';

/** What the journal tells; the fields beside `kind` are for people. */
export type JournalReport = (event: { readonly kind: string }) => void;

interface Said {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

/** Every kind of event that the journal tells of; a test holds the two lists equal. */
export const JOURNAL_EVENTS: Readonly<Record<string, Said>> = {
  adopted: { level: 'info', message: 'records of an earlier process are brought first' },
  lineage_away: { level: 'warn', message: 'records wait on disk: the lineage does not answer' },
  lineage_back: { level: 'info', message: 'the lineage takes records again' },
  torn: { level: 'warn', message: 'the last line of an earlier process was cut off' },
  refused: { level: 'error', message: 'decisions cannot be recorded and are denied' },
  dropped: { level: 'error', message: 'decisions are made without a record' },
  damaged: { level: 'error', message: 'a journal segment is damaged and was kept aside' },
  lost: { level: 'error', message: 'a journal segment was deleted before it was brought' },
  set_aside: { level: 'error', message: 'the lineage fails on a record; it was kept aside' },
};

const UNKNOWN: Said = { level: 'warn', message: 'journal' };

export function logJournal(logger: Logger): JournalReport {
  return ({ kind, ...fields }) => {
    const { level, message } = JOURNAL_EVENTS[kind] ?? UNKNOWN;
    logger[level]({ journal: kind, ...fields }, message);
  };
}

export interface RoundLog {
  done(count: number): void;
  failed(problem: string): void;
}

/**
 * An outage of the ledger fails every round, once a second; the outage itself is told of elsewhere.
 */
const TELL_FAILURES_EVERY_MS = 60_000;

export function logExpiry(logger: Logger, expired: Count, clock: Clock): RoundLog {
  return {
    done: (count) => {
      expired.value += count;
      logger.info({ count }, 'holds expired and are presumed spent');
    },
    failed: seldom(clock, (problem) =>
      logger.warn({ problem }, 'expired holds cannot be looked for'),
    ),
  };
}

/** What the counting of violations tells. */
export interface ViolationLog {
  sustained(tenant: string, violation: Violation): void;
  failed(problem: string): void;
}

/** Limits that deny minute after minute, for whoever is on call. */
export function logViolations(
  logger: Logger,
  sustained: Series<Count>,
  clock: Clock,
): ViolationLog {
  return {
    sustained: (tenant: string, { limitId, count, minutesInRow }: Violation): void => {
      sustained.at(limitId).value += 1;
      // The scope may name a user; it is in ListViolations.
      logger.warn(
        { tenant, limit: limitId, count, minutes: minutesInRow },
        'a limit denies minute after minute',
      );
    },
    failed: seldom(clock, (problem: string) =>
      logger.warn({ problem }, 'violations of limits cannot be counted'),
    ),
  };
}

export function logArchive(logger: Logger, archived: Count, clock: Clock): RoundLog {
  return {
    done: (count) => {
      archived.value += count;
      logger.debug({ count }, 'batches moved to the archive');
    },
    failed: seldom(clock, (problem) =>
      logger.warn({ problem }, 'what is settled cannot be moved to the archive'),
    ),
  };
}

export function logCheckpoints(logger: Logger, clock: Clock): RoundLog {
  return {
    done: (count) => logger.debug({ count }, 'chains of records signed'),
    failed: seldom(clock, (problem) => logger.warn({ problem }, 'chains cannot be signed')),
  };
}

/** What the rounds that sum usage tell. */
export interface RollUpLog {
  done(entries: number, batchesBehind: number): void;
  recalibrated(one: Recalibration): void;
  failed(problem: string): void;
}

export function logRollUp(logger: Logger, counts: DecisionCounts, clock: Clock): RollUpLog {
  return {
    done: (entries, batchesBehind) => {
      counts.rolledUp.value += entries;
      counts.batchesBehind = batchesBehind;
      if (entries > 0) logger.debug({ entries, batchesBehind }, 'entries summed for usage');
    },
    recalibrated: ({ tenant, agent, beforePerMille, afterPerMille, calls }) => {
      counts.recalibrations.at(tenant).value += 1;
      logger.info(
        { tenant, agent, beforePerMille, afterPerMille, calls },
        'estimates for an agent were off by more than 15 %, and its factor was found anew',
      );
    },
    failed: seldom(clock, (problem) => logger.warn({ problem }, 'usage cannot be summed')),
  };
}

/** What the rounds that read the factors of estimates tell. */
export interface CalibrationLog {
  seen(found: readonly Calibration[]): void;
  failed(problem: string): void;
}

export function logCalibrations(
  logger: Logger,
  counts: DecisionCounts,
  clock: Clock,
): CalibrationLog {
  return {
    seen: (found) => void (counts.calibrations = found),
    failed: seldom(clock, (problem) =>
      logger.warn({ problem }, 'the factors of estimates cannot be read; the last ones hold'),
    ),
  };
}

function seldom(clock: Clock, tell: (problem: string) => void): (problem: string) => void {
  let nextMs = -Infinity;
  return (problem) => {
    if (clock.nowMs() < nextMs) return;
    nextMs = clock.nowMs() + TELL_FAILURES_EVERY_MS;
    tell(problem);
  };
}
