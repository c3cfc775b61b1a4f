import { figureText, grouped as digits } from '../text/units.ts';
import { budgetTable, budgetText, budgetUses, type BudgetUse } from './budget-lines.ts';
import { Calendar, type TimeSpan } from './calendar.ts';
import { isoText } from './daily-report.ts';
import { OUTLIER_TEXT, outliersOf, type Outlier } from './outliers.ts';
import {
  centsText,
  changeText,
  left,
  plain,
  right,
  shareText,
  usdText,
  type ReportDocument,
  type ReportTable,
} from './report-document.ts';
import type { ReportRequest, ReportSource } from './report-source.ts';
import {
  agentText,
  byAgent,
  changePerMille,
  perCall,
  sharePerMille,
  sumOf,
  type AgentSpending,
} from './spending.ts';

const DAYS = 7;
/** Before the week: what is usual. */
const DAYS_BEFORE = 28;

/** The weekly review (requirement R82): where the month is going, agents, cost outliers. */
export async function weeklyReport(
  source: ReportSource,
  { tenant, zone, atMs, nowMs }: ReportRequest,
): Promise<ReportDocument> {
  const calendar = new Calendar(zone);
  const { toMs } = calendar.dayAround(atMs);
  const fromMs = calendar.daysBefore(atMs, DAYS - 1);
  const rows = await source.usage(
    { fromMs: calendar.daysBefore(atMs, DAYS - 1 + DAYS_BEFORE), toMs },
    'day',
  );
  const month = calendar.monthAround(atMs);
  const soFar = { fromMs: month.fromMs, toMs: Math.min(toMs, Math.max(nowMs, month.fromMs + 1)) };
  const spent = sumOf(await source.usage(soFar, 'total'));
  const elapsed = { soFar, month };
  const projectedMicroUsd = projected(spent.spentMicroUsd, elapsed);
  const budgets = budgetUses(await source.accounts(), 'monthly', atMs);
  const from = (startMs: number, endMs: number) =>
    byAgent(rows.filter(({ bucketStart }) => isWithin(bucketStart, startMs, endMs)));
  const agents = from(fromMs, toMs);
  const before = from(calendar.daysBefore(atMs, 2 * DAYS - 1), fromMs);
  const outliers = outliersOf(rows, fromMs, calendar);
  const [first, last] = [calendar.dayAt(fromMs), calendar.dayAt(atMs)];
  return {
    title: `Weekly review of ${tenant}, ${first} to ${last} (${zone})`,
    sections: [
      {
        title: 'The month so far',
        text: [
          `${usdText(spent.spentMicroUsd)} since ${calendar.dayAt(month.fromMs)}, ` +
            `${shareText(sharePerMille(...partsOf(elapsed)))} of the month. ` +
            `At this rate ${centsText(projectedMicroUsd)} by its end.`,
          ...budgetText(budgets, 'No account of a monthly budget was used in this month.'),
        ],
        table: budgetTable(budgets, {
          title: 'at this rate',
          of: (use) => rateText(use, elapsed),
        }),
      },
      { title: 'Agents', text: agentText(agents), table: agentTable(agents, before) },
      {
        title: 'Cost outliers',
        text: [OUTLIER_TEXT, ...(outliers.length === 0 ? ['There is none.'] : [])],
        table: outlierTable(outliers),
      },
    ],
    figures: plain({
      ...{ report: 'weekly', tenant, zone, from: isoText(fromMs), to: isoText(toMs) },
      month: {
        ...{ from: isoText(month.fromMs), to: isoText(month.toMs), ...spent, projectedMicroUsd },
        budgets,
      },
      ...{ agents, agentsBefore: before, outliers },
    }) as ReportDocument['figures'],
  };
}

interface Elapsed {
  readonly soFar: TimeSpan;
  readonly month: TimeSpan;
}

function partsOf({ soFar, month }: Elapsed): [passedMs: bigint, wholeMs: bigint] {
  return [BigInt(soFar.toMs - soFar.fromMs), BigInt(month.toMs - month.fromMs)];
}

/** What comes of it by the end of the month, when the rest is like what has passed. */
export function projected(amount: bigint, elapsed: Elapsed): bigint {
  const [passedMs, wholeMs] = partsOf(elapsed);
  return (amount * wholeMs) / passedMs;
}

function rateText({ committed, held, cap, unit }: BudgetUse, elapsed: Elapsed): string {
  const amount = projected(committed + held, elapsed);
  const text = unit === 'micro_usd' ? centsText(amount) : figureText(amount, unit);
  return `${text}, ${shareText(sharePerMille(amount, cap))}`;
}

function isWithin(start: Date | undefined, fromMs: number, toMs: number): boolean {
  const startMs = start?.getTime() ?? 0;
  return startMs >= fromMs && startMs < toMs;
}

function agentTable(
  agents: readonly AgentSpending[],
  before: readonly AgentSpending[],
): ReportTable {
  const total = agents.reduce((sum, { spentMicroUsd }) => sum + spentMicroUsd, 0n);
  const spentBefore = new Map(before.map((one) => [one.agent, one.spentMicroUsd]));
  return {
    columns: [
      ...[left('agent'), right('spent'), right('share'), right('calls'), right('a call')],
      right('week before'),
      right('change'),
    ],
    rows: agents.map((one) => {
      const earlier = spentBefore.get(one.agent) ?? 0n;
      return [
        one.agent,
        usdText(one.spentMicroUsd),
        shareText(sharePerMille(one.spentMicroUsd, total)),
        digits(one.calls),
        usdText(perCall(one)),
        usdText(earlier),
        changeText(changePerMille(one.spentMicroUsd, earlier)),
      ];
    }),
  };
}

function outlierTable(outliers: readonly Outlier[]): ReportTable {
  return {
    columns: [
      left('day'),
      left('agent'),
      right('spent'),
      right('usual'),
      right('a call'),
      right('usual call'),
    ],
    rows: outliers.map((one) => [
      one.day,
      one.agent,
      usdText(one.spentMicroUsd),
      usdText(one.usualMicroUsd),
      usdText(one.perCallMicroUsd),
      usdText(one.usualPerCallMicroUsd),
    ]),
  };
}
