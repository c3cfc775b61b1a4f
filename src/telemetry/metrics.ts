import { collectDefaultMetrics, Registry } from 'prom-client';
import { register, type Collected, type Sample } from './collected.ts';
import type { DecisionCounts } from './decision-counts.ts';
import { BUCKET_SECONDS, type Histogram } from './histogram.ts';
import type { Seen } from './process-watch.ts';
import { MAX_SERIES, type Label, type Series } from './series.ts';

const MICRO_USD_PER_USD = 1_000_000;
const MS_PER_S = 1000;

/** Where the numbers are when somebody scrapes. */
export interface MetricSources {
  readonly counts: DecisionCounts;
  /** Undefined while nobody watches. */
  readonly watch: () => Seen | undefined;
  readonly droppedLogLines: () => number;
  /** Spans that did not reach the collector. */
  readonly lostSpans: () => number;
}

/**
 * Everything that Tollgate measures, in a registry of its own; docs/observability.md says what for.
 */
export function createMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { counts } = sources;
  const all = [
    ...decisionMetrics(counts),
    ...limitMetrics(counts),
    ...budgetMetrics(counts),
    ...usageMetrics(counts),
    ...timeMetrics(counts),
    ...processMetrics(sources),
  ];
  for (const metric of all) register(registry, metric);
  return registry;
}

function decisionMetrics(counts: DecisionCounts): Collected[] {
  return [
    {
      name: 'tollgate_decisions_total',
      help: 'Decisions.',
      type: 'counter',
      read: () => cells(counts.decisions, ['operation', 'effect']),
    },
    {
      name: 'tollgate_denials_total',
      help: 'Reasons of denials; a denial has one or more.',
      type: 'counter',
      read: () => cells(counts.denials, ['code']),
    },
    {
      name: 'tollgate_advice_total',
      help: 'Reasons that only warn or explain.',
      type: 'counter',
      read: () => cells(counts.advice, ['code']),
    },
    {
      name: 'tollgate_settlements_total',
      help: 'Commits and releases.',
      type: 'counter',
      read: () => cells(counts.settlements, ['operation', 'outcome']),
    },
  ];
}

function limitMetrics(counts: DecisionCounts): Collected[] {
  return [
    {
      name: 'tollgate_limit_exceeded_total',
      help: 'Windows that had no room for a call.',
      type: 'counter',
      read: () => cells(counts.limitExceeded, ['limit']),
    },
    {
      name: 'tollgate_limit_outage_allowed_total',
      help: 'Calls let pass uncounted because the limit could not be checked (fail-open).',
      type: 'counter',
      read: () => cells(counts.limitOutageAllowed, ['limit']),
    },
    {
      name: 'tollgate_limit_outage_local_total',
      help: 'Calls let pass within the share of this process because the limit could not be checked.',
      type: 'counter',
      read: () => cells(counts.limitOutageLocal, ['limit']),
    },
    {
      name: 'tollgate_limit_sustained_violations_total',
      help: 'Times that a limit began to deny one owner in every minute, five in a row.',
      type: 'counter',
      read: () => cells(counts.limitSustained, ['limit']),
    },
    {
      name: 'tollgate_limit_settlements_total',
      help: 'Calls that ended, by what the windows made of it: settled, nothing, unavailable.',
      type: 'counter',
      read: () => cells(counts.windowSettlements, ['outcome']),
    },
    {
      name: 'tollgate_exemptions_used_total',
      help: 'Limits lifted by an exemption.',
      type: 'counter',
      read: () => cells(counts.exemptions, ['exemption', 'limit']),
    },
    {
      name: 'tollgate_limit_remaining_ratio',
      help: 'Least share of a window left in the last minute, over all scopes of the limit.',
      type: 'gauge',
      read: () =>
        cells(counts.limitRemaining, ['limit', 'window_seconds'], (ms) => Number(ms) / MS_PER_S),
    },
  ];
}

function budgetMetrics(counts: DecisionCounts): Collected[] {
  return [
    {
      name: 'tollgate_budget_used_ratio',
      help: 'Highest share of a budget committed or held in the last minute, of all its accounts.',
      type: 'gauge',
      read: () => cells(counts.budgetUsed, ['tenant', 'budget']),
    },
    {
      name: 'tollgate_budget_remaining',
      help: 'Least left of a budget in the last minute, of all its accounts; below 0 if overrun.',
      type: 'gauge',
      read: () => budgetsRemaining(counts),
    },
    single(
      'tollgate_holds_expired_total',
      'counter',
      'Holds presumed spent.',
      () => counts.expired.value,
    ),
    single(
      'tollgate_batches_archived_total',
      'counter',
      'Transactions of the ledger moved to the archive.',
      () => counts.archived.value,
    ),
    single(
      'tollgate_overruns_total',
      'counter',
      'Commits of more than was held.',
      () => counts.overruns.value,
    ),
    single(
      'tollgate_overrun_usd_total',
      'counter',
      'US dollars committed above the hold.',
      () => counts.overrunMicroUsd.value / MICRO_USD_PER_USD,
    ),
  ];
}

function usageMetrics(counts: DecisionCounts): Collected[] {
  return [
    single(
      'tollgate_usage_entries_summed_total',
      'counter',
      'Entries of the ledger summed by hour and day.',
      () => counts.rolledUp.value,
    ),
    single(
      'tollgate_usage_batches_behind',
      'gauge',
      'Transactions of the ledger that are not summed yet.',
      () => counts.batchesBehind,
    ),
    {
      name: 'tollgate_recalibrations_total',
      help: 'Agents whose estimates were off by more than 15 %.',
      type: 'counter',
      read: () => cells(counts.recalibrations, ['tenant']),
    },
    {
      name: 'tollgate_estimate_variance_ratio',
      help: 'Actual cost beside the price table, less 1, of the calls since the last factor.',
      type: 'gauge',
      read: () => variances(counts),
    },
  ];
}

function* variances({ calibrations }: DecisionCounts): Generator<Sample> {
  for (const one of calibrations.slice(0, MAX_SERIES)) {
    const { tenant, agent, estimatedMicroUsd, actualMicroUsd } = one;
    if (estimatedMicroUsd === 0n) continue;
    const value = Number(actualMicroUsd) / Number(estimatedMicroUsd) - 1;
    yield { labels: { tenant, agent }, value };
  }
}

function* budgetsRemaining({ budgetRemaining }: DecisionCounts): Generator<Sample> {
  for (const [unit, series] of budgetRemaining) {
    for (const { labels, value } of cells(series, ['tenant', 'budget'])) {
      yield { labels: { ...labels, unit }, value };
    }
  }
}

function timeMetrics({ requests, stages }: DecisionCounts): Collected[] {
  const decision = 'tollgate_decision_seconds';
  const stage = 'tollgate_stage_seconds';
  const policy = 'tollgate_policy_evaluation_seconds';
  return [
    {
      name: decision,
      help: 'From a parsed request to its answer.',
      type: 'histogram',
      read: () => histograms(decision, requests, 'operation'),
    },
    {
      name: stage,
      help: 'One stage of a decision, waiting for its store included.',
      type: 'histogram',
      read: () => histograms(stage, stages, 'stage'),
    },
    {
      name: policy,
      help: 'Evaluation of all policies for one call.',
      type: 'histogram',
      read: () => histogramSamples(policy, stages.at('policy'), {}),
    },
  ];
}

function processMetrics({ watch, droppedLogLines, lostSpans }: MetricSources): Collected[] {
  return [
    {
      name: 'tollgate_store_healthy',
      help: '1 while the store answers.',
      type: 'gauge',
      read: () =>
        (watch()?.stores ?? []).map(([store, up]) => ({ labels: { store }, value: up ? 1 : 0 })),
    },
    ...journalMetrics(() => watch()?.journal),
    ...configurationMetrics(() => watch()?.status),
    single(
      'tollgate_log_lines_dropped_total',
      'counter',
      'Lines not read in time.',
      droppedLogLines,
    ),
    single('tollgate_spans_lost_total', 'counter', 'Spans that no collector took.', lostSpans),
  ];
}

function journalMetrics(journal: () => Seen['journal'] | undefined): Collected[] {
  return [
    single(
      'tollgate_records_waiting',
      'gauge',
      'Records on disk, not yet in the Lineage.',
      () => journal()?.waiting,
    ),
    single('tollgate_records_oldest_seconds', 'gauge', 'Age of the oldest waiting record.', () =>
      seconds(journal()?.oldestAgeMs),
    ),
    single(
      'tollgate_journal_bytes',
      'gauge',
      'Size of the journal on local disk.',
      () => journal()?.bytes,
    ),
    single(
      'tollgate_records_refused_total',
      'counter',
      'Records that could not be taken.',
      () => journal()?.refused,
    ),
  ];
}

function configurationMetrics(status: () => Seen['status']): Collected[] {
  return [
    {
      name: 'tollgate_configuration_revision',
      help: 'The configuration in force; always 1.',
      type: 'gauge',
      read: () => {
        const revision = status()?.configurationRevision;
        return revision === undefined ? [] : [{ labels: { revision }, value: 1 }];
      },
    },
    single(
      'tollgate_configuration_loaded_timestamp_seconds',
      'gauge',
      'When the configuration in force was loaded.',
      () => seconds(status()?.configurationLoadedAtMs),
    ),
  ];
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / MS_PER_S;
}

/** @param value undefined means that there is none to show. */
function single(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  value: () => number | undefined,
): Collected {
  const read = (): Sample[] => {
    const now = value();
    return now === undefined ? [] : [{ labels: {}, value: now }];
  };
  return { name, help, type, read };
}

/** One sample for each cell that has a value, labelled by one name or two. */
function* cells(
  series: Series<{ readonly value: number | undefined }>,
  [one = '', two]: readonly string[],
  secondText: (label: Label) => Label = (label) => label,
): Generator<Sample> {
  for (const [first, second, { value }] of series.entries()) {
    if (value === undefined) continue;
    const labels = two === undefined ? {} : { [two]: String(secondText(second)) };
    yield { labels: { [one]: first, ...labels }, value };
  }
}

function* histograms(name: string, series: Series<Histogram>, label: string): Generator<Sample> {
  for (const [value, , histogram] of series.entries()) {
    yield* histogramSamples(name, histogram, { [label]: value });
  }
}

function* histogramSamples(
  name: string,
  histogram: Histogram,
  labels: Readonly<Record<string, string>>,
): Generator<Sample> {
  const counts = histogram.cumulative();
  for (const [index, value] of counts.entries()) {
    const le = String(BUCKET_SECONDS[index] ?? '+Inf');
    yield { metricName: `${name}_bucket`, labels: { ...labels, le }, value };
  }
  yield { metricName: `${name}_sum`, labels, value: histogram.sumSeconds };
  yield { metricName: `${name}_count`, labels, value: counts.at(-1)! };
}
