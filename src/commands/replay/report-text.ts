import { formatUsd } from '../../lib/money.ts';
import { isAdvice } from '../../decision/reasons.ts';
import type { ReplayReport } from '../../replay/compare.ts';
import type { Coverage } from '../../replay/coverage.ts';
import { type LineSide, reasonName, type ReplayedLine } from '../../replay/line.ts';
import type { NamedTotals, ReasonTotals, Totals } from '../../replay/totals.ts';
import type { Paint } from '../text/paint.ts';
import { tableLines } from '../text/table.ts';
import { grouped, timeText } from '../text/units.ts';

/** Rows of a table that a terminal shows; --json has all. */
const MOST_ROWS = 20;

export interface ReportWords {
  readonly paint: Paint;
  /** What a decision is compared with, for example "recorded". */
  readonly before: string;
  /** What the other side is, for example the candidate's file. */
  readonly after: string;
  /** Most flips to list. */
  readonly mostFlips: number;
  /** Where all lines are, if somewhere. */
  readonly out: string | undefined;
}

/** Coverage first: it says how much the rest is worth. */
export function reportLines(report: ReplayReport, words: ReportWords): readonly string[] {
  const { coverage, totals, reasons, agents, days } = report;
  const { paint } = words;
  return [
    paint(
      'bold',
      `${grouped(coverage.replayed)} of ${grouped(coverage.decisions)} decisions replayed`,
    ),
    ...coverageLines(coverage),
    '',
    paint('bold', headline(totals)),
    `  denied  ${grouped(totals.deniedBefore)} before, ${grouped(totals.deniedAfter)} now`,
    `  spent   ${spentText(totals.spentBeforeMicroUsd)} before, ${formatUsd(totals.spentAfterMicroUsd)} now`,
    ...flipLines(report, words),
    ...titled('By reason', reasonTable(reasons), paint),
    ...titled('By agent', totalsTable('agent', agents), paint),
    ...titled('By day', totalsTable('day', days), paint),
  ];
}

function headline({ flippedToDenied, flippedToAllowed }: Totals): string {
  const all = flippedToDenied + flippedToAllowed;
  if (all === 0) return 'No decision flips.';
  return (
    `${grouped(all)} ${all === 1 ? 'decision flips' : 'decisions flip'}: ` +
    `${grouped(flippedToDenied)} to DENY, ${grouped(flippedToAllowed)} to ALLOW`
  );
}

function coverageLines(coverage: Coverage): readonly string[] {
  const { replayed, complete } = coverage;
  const lines: [number, string][] = [
    ...coverage.lacking.map(({ fact, decisions }): [number, string] => [
      decisions,
      `lack ${fact}, which a policy asks for`,
    ]),
    ...coverage.refused.map(({ why, decisions }): [number, string] => [
      decisions,
      `could not be decided: ${why}`,
    ]),
    [coverage.byOutage, 'were made while a store was away: none counts as a flip'],
    [coverage.byToken, 'were denied for their token, which is not recorded: not replayed'],
    [coverage.withoutTokens, 'estimate no tokens'],
    [coverage.assumed, 'are charged at their estimate: nobody knows what they would have used'],
    [coverage.repriced, 'are charged by their tokens, because prices differ'],
    [coverage.extensionsWithoutCall, 'extend a call that is not held now: not replayed'],
    [coverage.endsWithoutCall, 'calls end that were held before the record begins'],
  ];
  return [
    `  ${grouped(complete)} of ${grouped(replayed)} have all that the configuration asks for`,
    ...lines.flatMap(([count, text]) => (count === 0 ? [] : [`  ${grouped(count)} ${text}`])),
  ];
}

function flipLines({ flips, totals }: ReplayReport, words: ReportWords): readonly string[] {
  if (flips.length === 0) return [];
  const listed = flips.slice(0, words.mostFlips);
  const more = totals.flippedToDenied + totals.flippedToAllowed - listed.length;
  const where = words.out === undefined ? '--out lists all' : `all are in ${words.out}`;
  return [
    ...titled(
      'Flips',
      listed.flatMap((line) => flipText(line, words)),
      words.paint,
    ),
    ...(more > 0 ? [`  and ${grouped(more)} more; ${where}`] : []),
  ];
}

function flipText(line: ReplayedLine, { paint, before, after }: ReportWords): readonly string[] {
  const { decidedAtMs, operation, tenant, agent, team, id } = line;
  const effect = line.flip === 'denied' ? paint('red', 'DENY') : paint('green', 'ALLOW');
  const who = [`${tenant}/${agent}`, team && `team ${team}`].filter(Boolean).join(', ');
  return [
    `${effect}  ${timeText(new Date(decidedAtMs))}  ${operation} ${who}  ${id}`,
    ...sideText(before, line.before),
    ...sideText(after, line.after),
  ];
}

/** What decided: on a denial not what allowed before it. */
function sideText(name: string, { effect, reasons }: LineSide): readonly string[] {
  if (effect === 'allow') {
    const by = reasons.map(reasonName).join(', ');
    return [by === '' ? `  ${name}: allow` : `  ${name}: allow by ${by}`];
  }
  return reasons
    .filter((reason) => !isAdvice(reason))
    .map((reason) => `  ${name}: deny by ${reasonName(reason)}: ${reason.message}`);
}

const FIGURES = [
  { title: 'to DENY', right: true },
  { title: 'to ALLOW', right: true },
  { title: 'denied before', right: true },
  { title: 'denied now', right: true },
];

function figuresOf(totals: Omit<ReasonTotals, 'name'>): string[] {
  return [
    grouped(totals.flippedToDenied),
    grouped(totals.flippedToAllowed),
    grouped(totals.deniedBefore),
    grouped(totals.deniedAfter),
  ];
}

function reasonTable(reasons: readonly ReasonTotals[]): readonly string[] {
  if (reasons.length === 0) return [];
  const first = [...reasons].sort((a, b) => flipsOf(b) - flipsOf(a)).slice(0, MOST_ROWS);
  const rows = first.map((one) => [one.name, ...figuresOf(one)]);
  return [...tableLines([{ title: 'reason' }, ...FIGURES], rows), ...moreRows(reasons)];
}

function totalsTable(title: string, all: readonly NamedTotals[]): readonly string[] {
  if (all.length === 0) return [];
  const columns = [
    { title },
    { title: 'decisions', right: true },
    ...FIGURES,
    { title: 'spent before', right: true },
    { title: 'spent now', right: true },
  ];
  const rows = all
    .slice(0, MOST_ROWS)
    .map((one) => [
      one.name,
      grouped(one.decisions),
      ...figuresOf(one),
      spentText(one.spentBeforeMicroUsd),
      formatUsd(one.spentAfterMicroUsd),
    ]);
  return [...tableLines(columns, rows), ...moreRows(all)];
}

function moreRows({ length }: readonly unknown[]): readonly string[] {
  return length > MOST_ROWS ? [`and ${grouped(length - MOST_ROWS)} more; --json has all`] : [];
}

function flipsOf({ flippedToDenied, flippedToAllowed }: ReasonTotals): number {
  return flippedToDenied + flippedToAllowed;
}

function spentText(amount: bigint | undefined): string {
  return amount === undefined ? 'unknown' : formatUsd(amount);
}

function titled(title: string, lines: readonly string[], paint: Paint): readonly string[] {
  if (lines.length === 0) return [];
  return ['', paint('bold', title), ...lines.map((line) => `  ${line}`)];
}
