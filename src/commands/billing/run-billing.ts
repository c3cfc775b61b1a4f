import { UsageDimension, type UsageRow } from '../../gen/tollgate/v1/query_service.ts';
import { CommandFailed, type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { Calendar } from '../report/calendar.ts';
import { plain } from '../report/report-document.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { csvCell } from '../text/csv.ts';

export interface BillingOptions extends SidecarOptions {
  readonly json?: true;
  readonly format: 'csv' | 'json';
  readonly tenant: string;
  /** For example "2026-10". */
  readonly month: string;
  readonly zone: string;
}

const DIMENSIONS = [
  UsageDimension.AGENT,
  UsageDimension.TEAM,
  UsageDimension.USER,
  UsageDimension.PROVIDER,
  UsageDimension.MODEL,
];

/** One line of a bill. */
interface BillingLine {
  readonly agent: string;
  readonly team: string;
  readonly user: string;
  readonly provider: string;
  readonly model: string;
  readonly calls: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly costMicroUsd: bigint;
}

/** A month of an organization, ready to be billed. */
export interface Bill {
  readonly tenant: string;
  readonly month: string;
  readonly zone: string;
  readonly from: string;
  readonly to: string;
  /** False while the month is not over. */
  readonly final: boolean;
  readonly lines: readonly BillingLine[];
  readonly total: Omit<BillingLine, 'agent' | 'team' | 'user' | 'provider' | 'model'>;
}

/** Prints a bill as CSV, or as one line of JSON. */
export async function runBilling(options: BillingOptions, streams: Streams): Promise<ExitCode> {
  const { tenant, month, zone } = options;
  const calendar = new Calendar(zone);
  const { fromMs, toMs } = calendar.monthAround(calendar.startMsOf(`${month}-01`));
  const nowMs = Date.now();
  return withClient<ExitCode>(options, async (client) => {
    const span = { tenant, from: new Date(fromMs), to: new Date(Math.min(toMs, nowMs)) };
    if (span.to <= span.from) throw new CommandFailed(`${month} has not begun.`);
    const [total] = await client.usage(span);
    const rows = await client.usage({ ...span, by: DIMENSIONS });
    const bill = billOf({ tenant, month, zone, fromMs, toMs, nowMs }, rows, total);
    if (options.json || options.format === 'json') printJson(streams.stdout, plain(bill));
    else printLines(streams.stdout, billLines(bill));
    return 0;
  });
}

/** @throws CommandFailed when the lines do not add up to what was charged in all. */
export function billOf(
  about: {
    readonly tenant: string;
    readonly month: string;
    readonly zone: string;
    readonly fromMs: number;
    readonly toMs: number;
    readonly nowMs: number;
  },
  rows: readonly UsageRow[],
  total: UsageRow | undefined,
): Bill {
  const { tenant, month, zone, fromMs, toMs, nowMs } = about;
  const lines = rows.map(lineOf);
  const sum = totalOf(lines);
  const final = toMs <= nowMs;
  if (sum.costMicroUsd !== (total?.committedMicroUsd ?? 0n)) {
    throw new CommandFailed(
      `The lines add up to ${sum.costMicroUsd} micro-USD, and ${total?.committedMicroUsd ?? 0n} were ` +
        'charged: there are more than 100,000 lines, or a call was charged just now. Try again.',
    );
  }
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  return { tenant, month, zone, from, to, final, lines, total: sum };
}

function lineOf(row: UsageRow): BillingLine {
  const { agent, team, user, provider, model, inputTokens, outputTokens } = row;
  const [calls, costMicroUsd] = [row.invocations, row.committedMicroUsd];
  return { agent, team, user, provider, model, calls, inputTokens, outputTokens, costMicroUsd };
}

function totalOf(lines: readonly BillingLine[]): Bill['total'] {
  const sum = (of: (line: BillingLine) => bigint) =>
    lines.reduce((total, line) => total + of(line), 0n);
  return {
    calls: sum(({ calls }) => calls),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    costMicroUsd: sum(({ costMicroUsd }) => costMicroUsd),
  };
}

const TITLES =
  'month,tenant,agent,team,user,provider,model,calls,input_tokens,output_tokens,cost_usd';

export function billLines({ month, tenant, lines }: Bill): string[] {
  return [
    TITLES,
    ...lines.map((line) =>
      [
        ...[month, tenant, line.agent, line.team, line.user, line.provider, line.model].map(
          csvCell,
        ),
        ...[line.calls, line.inputTokens, line.outputTokens, dollars(line.costMicroUsd)],
      ].join(','),
    ),
  ];
}

const MICRO_USD_PER_USD = 1_000_000n;

/** All six places, so that every line can be added up exactly. */
function dollars(amount: bigint): string {
  const absolute = amount < 0n ? -amount : amount;
  const fraction = (absolute % MICRO_USD_PER_USD).toString().padStart(6, '0');
  return `${amount < 0n ? '-' : ''}${absolute / MICRO_USD_PER_USD}.${fraction}`;
}
