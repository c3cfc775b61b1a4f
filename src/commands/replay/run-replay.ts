import type { Snapshot } from '../../decision/snapshot.ts';
import { compare, type CompareOptions, type ReplayReport } from '../../replay/compare.ts';
import { recordSide } from '../../replay/record-side.ts';
import { recordedEvents } from '../../replay/recorded-events.ts';
import { reachMs } from '../../replay/reach.ts';
import { WorldSide } from '../../replay/world-side.ts';
import { CommandFailed, type ExitCode, printLines, type Streams } from '../context.ts';
import { refuseOtherSchema, withLedger } from '../ledger.ts';
import { settingsFor } from '../settings.ts';
import { paintFor } from '../text/paint.ts';
import { loadCandidate } from './candidate.ts';
import { openOutFile, type OutFile } from './out-file.ts';
import { reportLines } from './report-text.ts';
import { summaryJson } from './summary-json.ts';
import { traceEvents } from './trace-source.ts';

export interface ReplayOptions {
  readonly config: string;
  /** Decides the same calls for comparison; absent means what was recorded. */
  readonly against?: string;
  readonly trace?: string;
  /** Milliseconds since the epoch. */
  readonly from?: number;
  /** Exclusive. */
  readonly to?: number;
  readonly tenant?: string;
  readonly agent: string;
  readonly team?: string;
  readonly model: string;
  readonly userPool: number;
  readonly out?: string;
  readonly json?: true;
  readonly dataDir?: string;
}

/** Flips that a terminal shows, and that --json lists. */
const MOST_FLIPS_SHOWN = 20;
const MOST_FLIPS_IN_JSON = 1_000;

/** Decides recorded calls again. 1 when a decision flips. */
export async function runReplay(options: ReplayOptions, streams: Streams): Promise<ExitCode> {
  const { environmentDefaults } = settingsFor();
  const candidate = await loadCandidate(options.config, environmentDefaults);
  const against =
    options.against === undefined
      ? undefined
      : await loadCandidate(options.against, environmentDefaults);
  const out = options.out === undefined ? undefined : await openOutFile(options.out);
  let report: ReplayReport;
  try {
    report = await replay(options, { candidate, against, out });
  } finally {
    await out?.close();
  }
  if (options.json) printLines(streams.stdout, [summaryJson(report, digestOf(candidate))]);
  else printReport(report, options, streams);
  const { flippedToDenied, flippedToAllowed } = report.totals;
  return flippedToDenied + flippedToAllowed === 0 ? 0 : 1;
}

interface Subjects {
  readonly candidate: Snapshot;
  readonly against: Snapshot | undefined;
  readonly out: OutFile | undefined;
}

function replay(options: ReplayOptions, subjects: Subjects): Promise<ReplayReport> {
  const { from: fromMs = -Infinity, to: toMs = Infinity, trace, tenant } = options;
  if (toMs <= fromMs) throw new CommandFailed('--to must be after --from.');
  const { candidate, against } = subjects;
  const comparing = comparisonOf(options, subjects, fromMs);
  // What came before decides with it: windows and periods that have not ended by then.
  const reaches = [candidate, ...(against ? [against] : [])].map((one) => reachMs(one, fromMs));
  const reachesMs = Math.min(...reaches);
  if (trace !== undefined) {
    const plan = { ...options, tenant: tenant ?? 'demo', team: options.team ?? '' };
    const events = traceEvents(trace, plan, { fromMs: reachesMs, toMs });
    return compare(flushing(events, subjects.out), comparing);
  }
  const range = {
    ...(tenant !== undefined && { tenant }),
    ...(reachesMs > -Infinity && { fromMs: reachesMs }),
    ...(toMs < Infinity && { toMs }),
  };
  const { dataDir } = options;
  return withLedger(dataDir === undefined ? {} : { dataDir }, async (ledger) => {
    await refuseOtherSchema(ledger);
    return ledger.stores.recorded(range, (pages) =>
      compare(flushing(recordedEvents(pages), subjects.out), comparing),
    );
  });
}

function comparisonOf(
  { trace, json }: ReplayOptions,
  { candidate, against, out }: Subjects,
  fromMs: number,
): CompareOptions {
  return {
    before: against ? new WorldSide(against) : recordSide,
    after: new WorldSide(candidate),
    knowsSpendBefore: against !== undefined || trace === undefined,
    fromMs,
    mostFlips: json ? MOST_FLIPS_IN_JSON : MOST_FLIPS_SHOWN,
    onLine: (line) => out?.write(line),
  };
}

/** Writes what waits for the file between two pages. */
async function* flushing<T>(pages: AsyncIterable<T>, out: OutFile | undefined): AsyncGenerator<T> {
  for await (const page of pages) {
    yield page;
    await out?.flush();
  }
}

function printReport(report: ReplayReport, options: ReplayOptions, { stdout }: Streams): void {
  const { config, against, trace, out } = options;
  const before = against ?? (trace === undefined ? 'recorded' : 'called');
  const words = { before, after: config, out, mostFlips: MOST_FLIPS_SHOWN };
  printLines(stdout, reportLines(report, { ...words, paint: paintFor(stdout) }));
}

/** Names the content of a configuration, not when its file was changed. */
function digestOf({ revision }: Snapshot): string {
  return revision.slice(revision.indexOf('-') + 1);
}
