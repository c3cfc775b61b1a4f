import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { paintFor } from '../text/paint.ts';
import { Calendar } from './calendar.ts';
import { dailyReport } from './daily-report.ts';
import { monthlyReport } from './monthly-report.ts';
import { markdownLines, type ReportDocument, terminalLines } from './report-document.ts';
import { type ReportRequest, type ReportSource, sidecarSource } from './report-source.ts';
import { weeklyReport } from './weekly-report.ts';

export type ReportKind = 'daily' | 'weekly' | 'monthly';

export interface ReportOptions extends SidecarOptions {
  readonly json?: true;
  readonly markdown?: true;
  readonly tenant: string;
  /** For example "2026-11-21". */
  readonly date?: string;
  readonly zone: string;
}

const REPORTS: Readonly<
  Record<ReportKind, (source: ReportSource, request: ReportRequest) => Promise<ReportDocument>>
> = { daily: dailyReport, weekly: weeklyReport, monthly: monthlyReport };

/** Prints a review: for a terminal, as Markdown, or one line of JSON. */
export async function runReport(
  kind: ReportKind,
  options: ReportOptions,
  streams: Streams,
): Promise<ExitCode> {
  const { tenant, zone, date } = options;
  const nowMs = Date.now();
  const atMs = date === undefined ? nowMs : new Calendar(zone).startMsOf(date);
  return withClient<ExitCode>(options, async (client) => {
    const source = sidecarSource(client, tenant, zone);
    const document = await REPORTS[kind](source, { tenant, zone, atMs, nowMs });
    if (options.json) printJson(streams.stdout, document.figures);
    else if (options.markdown) printLines(streams.stdout, markdownLines(document));
    else printLines(streams.stdout, terminalLines(document, paintFor(streams.stdout)));
    return 0;
  });
}
