import type { LevelWithSilent, Logger } from 'pino';
import type { Registry } from 'prom-client';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { DecisionObserver } from '../decision/observer.ts';
import type { Queries } from '../decision/queries.ts';
import { DecisionCounts } from './decision-counts.ts';
import {
  logArchive,
  logCalibrations,
  logExpiry,
  logJournal,
  logRollUp,
  logViolations,
  logCheckpoints,
  type CalibrationLog,
  type JournalReport,
  type RollUpLog,
  type RoundLog,
  type ViolationLog,
} from './event-log.ts';
import { openLog, type ProcessLog } from './logger.ts';
import type { MetricSources } from './metrics.ts';
import { TelemetryObserver } from './observer.ts';
import { ProcessWatch, type WatchedJournal } from './process-watch.ts';
import { TimedRequests } from './timed-requests.ts';
import { openTracing } from './open-tracing.ts';
import type { TracingSettings } from './tracing.ts';

/** What a process says about itself. */
export interface Telemetry {
  readonly log: Logger;
  /** For the pipeline. */
  readonly observer: DecisionObserver;
  /** For the gRPC edge. */
  readonly tracing: TimedRequests;
  readonly journalReport: JournalReport;
  readonly expiryLog: RoundLog;
  readonly archiveLog: RoundLog;
  readonly checkpointLog: RoundLog;
  readonly rollUpLog: RollUpLog;
  readonly calibrationLog: CalibrationLog;
  readonly violationLog: ViolationLog;
  /**
   * All metrics in the text format of Prometheus; those of stores, journal and configuration after
   * `watch`.
   */
  readonly metricsText: () => Promise<string>;
  /**
   * Looks every second how the parts are, logs when that changes, and serves it as metrics. Once.
   */
  watch(journal: WatchedJournal, queries: Pick<Queries, 'status'>): void;
  /** Sends and writes what is buffered, within a bound. Last of all. */
  close(): Promise<void>;
}

/** A collector and a reader of the log have this long at the end. */
const CLOSE_WITHIN_MS = 2000;

export interface TelemetryOptions {
  readonly clock?: Clock;
  readonly log?: ProcessLog;
}

export async function openTelemetry(
  settings: TracingSettings,
  level: LevelWithSilent,
  { clock = systemClock, log = openLog(level) }: TelemetryOptions = {},
): Promise<Telemetry> {
  const { logger } = log;
  const tracing = await openTracing(settings, (problem) =>
    logger.warn({ problem }, 'spans were lost on the way to the collector'),
  );
  const counts = new DecisionCounts();
  let watch: ProcessWatch | undefined;
  let registry: Promise<Registry> | undefined;
  const losses = { droppedLogLines: () => log.dropped(), lostSpans: () => tracing.lostSpans() };
  return {
    log: logger,
    observer: new TelemetryObserver(logger, counts, tracing),
    tracing: new TimedRequests(tracing, counts),
    journalReport: logJournal(logger),
    expiryLog: logExpiry(logger, counts.expired, clock),
    archiveLog: logArchive(logger, counts.archived, clock),
    checkpointLog: logCheckpoints(logger, clock),
    rollUpLog: logRollUp(logger, counts, clock),
    calibrationLog: logCalibrations(logger, counts, clock),
    violationLog: logViolations(logger, counts.limitSustained, clock),
    metricsText: async () => {
      registry ??= openRegistry({ counts, watch: () => watch?.seen(), ...losses });
      return (await registry).metrics();
    },
    watch: (journal, queries) => {
      watch ??= new ProcessWatch({ logger, clock, journal, queries });
    },
    close: async () => {
      await watch?.close();
      await tracing.close(CLOSE_WITHIN_MS);
      log.flush();
    },
  };
}

/**
 * Loaded by the first scrape: the library costs a process that nobody scrapes ten megabytes and its
 * start-up.
 */
async function openRegistry(sources: MetricSources): Promise<Registry> {
  const { createMetrics } = await import('./metrics.ts');
  return createMetrics(sources);
}
