import type { RecordableHistogram } from 'node:perf_hooks';
import type { BudgetStatus } from '../../gen/tollgate/v1/verdict.ts';
import { formatUsd } from '../../lib/money.ts';
import { accountLines, factLines, section } from '../check/verdict-text.ts';
import type { Paint } from '../text/paint.ts';
import { amountText, grouped } from '../text/units.ts';
import type { DenialCause, Tally } from './tally.ts';

/** The figures of the closing line. */
export interface Totals {
  readonly calls: number;
  readonly allowed: number;
  readonly denied: number;
  readonly committedMicroUsd: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly heldMicroUsd: bigint;
}

/**
 * What the run brought. Amounts that the ledger has in an account of the whole organization are
 * taken from there, where anything charged twice would show; the others are what it answered to
 * each Commit.
 */
export function totalsOf(tally: Tally, tenant: string, accounts: readonly BudgetStatus[]): Totals {
  const metrics = wholeAccount(tenant, accounts)?.metrics ?? [];
  const inLedger = (unit: string) => metrics.find((metric) => metric.unit === unit);
  const money = inLedger('micro_usd');
  return {
    calls: tally.calls,
    allowed: tally.allowed,
    denied: tally.denied,
    committedMicroUsd: money?.committed ?? tally.committedMicroUsd,
    inputTokens: inLedger('input_tokens')?.committed ?? tally.inputTokens,
    outputTokens: inLedger('output_tokens')?.committed ?? tally.outputTokens,
    heldMicroUsd: money?.held ?? tally.heldMicroUsd,
  };
}

/** The account of the organization that lasts longest; one that never ends before all others. */
function wholeAccount(tenant: string, accounts: readonly BudgetStatus[]): BudgetStatus | undefined {
  const lengthMs = ({ periodStart, periodEnd }: BudgetStatus) =>
    periodStart === undefined || periodEnd === undefined
      ? Number.POSITIVE_INFINITY
      : periodEnd.getTime() - periodStart.getTime();
  return accounts
    .filter(({ scope, outage }) => scope === `organization:${tenant}` && !outage)
    .reduce<BudgetStatus | undefined>(
      (longest, one) => (longest && lengthMs(longest) >= lengthMs(one) ? longest : one),
      undefined,
    );
}

/** One line of JSON; amounts are whole numbers of any size. */
export function closingLine(totals: Totals): string {
  const fields = {
    calls: totals.calls,
    allowed: totals.allowed,
    denied: totals.denied,
    committed_micro_usd: totals.committedMicroUsd,
    input_tokens: totals.inputTokens,
    output_tokens: totals.outputTokens,
    held_micro_usd: totals.heldMicroUsd,
  };
  return `{${Object.entries(fields)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`;
}

export interface Summary {
  readonly totals: Totals;
  readonly tally: Tally;
  readonly accounts: readonly BudgetStatus[];
  readonly elapsedMs: number;
  readonly runId: string;
}

/** Most accounts that a summary lists; `status --tenant` lists all. */
const MAX_ACCOUNTS = 20;

export function summaryLines(summary: Summary, paint: Paint): string[] {
  const { totals, tally, accounts, elapsedMs, runId } = summary;
  const perSecond = Math.round((totals.calls / Math.max(elapsedMs, 1)) * 1_000);
  const input = amountText(totals.inputTokens, 'input_tokens');
  const output = amountText(totals.outputTokens, 'output_tokens');
  const listed = accounts.slice(0, MAX_ACCOUNTS);
  const more = accounts.length - listed.length;
  return [
    paint(
      'bold',
      `${grouped(totals.calls)} calls: ${grouped(totals.allowed)} allowed, ${grouped(totals.denied)} denied`,
    ),
    ...factLines([
      ['committed', `${formatUsd(totals.committedMicroUsd)}, ${input}, ${output}`],
      ['held', formatUsd(totals.heldMicroUsd)],
      ['overruns', tally.overruns === 0 ? '' : `${grouped(tally.overruns)} calls above their hold`],
      ['took', `${(elapsedMs / 1_000).toFixed(1)} s, ${grouped(perSecond)} calls a second`],
      ['reserve', latencyText(tally.reserveMicros)],
      ['commit', latencyText(tally.commitMicros)],
      ['run id', runId],
    ]),
    ...section('Denied because', tally.causes().map(causeText), paint),
    ...section('Accounts', accountLines(listed), paint),
    ...(more > 0 ? [`  and ${grouped(more)} more`] : []),
  ];
}

function causeText({ code, where, calls, left, unit }: DenialCause): string {
  const place = where === '' ? '' : `  ${where}`;
  const rest = left === undefined ? '' : `, ${amountText(left, unit)} left at the last`;
  return `${code}${place}: ${grouped(calls)} calls${rest}`;
}

function latencyText(micros: RecordableHistogram): string {
  if (micros.count === 0) return '';
  return [50, 99, 99.9]
    .map((percent) => `p${percent} ${(micros.percentile(percent) / 1_000).toFixed(1)} ms`)
    .join(', ');
}
