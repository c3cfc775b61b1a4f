import type { UsageRow } from '../../gen/tollgate/v1/query_service.ts';
import { grouped as digits } from '../text/units.ts';
import { budgetTable, budgetText, budgetUses } from './budget-lines.ts';
import { Calendar } from './calendar.ts';
import {
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
  grouped,
  perCall,
  sharePerMille,
  sumOf,
  type AgentSpending,
  type Spending,
} from './spending.ts';

/** Days before the day itself whose costs are shown. */
const DAYS_BEFORE = 7;

interface DaySpending extends Spending {
  readonly day: string;
}

/** The daily review (requirement R82): spending and calls beside daily budgets, cost of a call. */
export async function dailyReport(
  source: ReportSource,
  { tenant, zone, atMs, nowMs }: ReportRequest,
): Promise<ReportDocument> {
  const calendar = new Calendar(zone);
  const { fromMs, toMs } = calendar.dayAround(atMs);
  const rows = await source.usage({ fromMs: calendar.daysBefore(atMs, DAYS_BEFORE), toMs }, 'day');
  const days = daysOf(rows, calendar, atMs);
  const today = days.at(-1)!;
  const agents = byAgent(rows.filter(({ bucketStart }) => bucketStart?.getTime() === fromMs));
  const limits = budgetUses(await source.accounts(), 'daily', fromMs);
  const over = toMs <= nowMs;
  return {
    title: `Daily review of ${tenant}, ${today.day} (${zone})`,
    sections: [
      { title: 'Spending', text: [spendingText(today), ...(over ? [] : ['The day is not over.'])] },
      {
        title: 'Daily budgets',
        text: budgetText(limits, 'No account of a daily budget was used on this day.'),
        table: budgetTable(limits),
      },
      { title: 'Cost of a call', text: [], table: dayTable(days) },
      { title: 'Agents', text: agentText(agents), table: agentTable(agents, today) },
    ],
    figures: plain({
      ...{ report: 'daily', tenant, zone, date: today.day, from: isoText(fromMs) },
      ...{ to: isoText(toMs), over, ...today, budgets: limits, days, agents },
    }) as ReportDocument['figures'],
  };
}

export function isoText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Every day, also without a charge, the day of the report last. */
function daysOf(
  rows: readonly UsageRow[],
  calendar: Calendar,
  atMs: number,
): readonly DaySpending[] {
  const charged = grouped(rows, ({ bucketStart }) => bucketStart?.getTime());
  return Array.from({ length: DAYS_BEFORE + 1 }, (_, index) => {
    const startMs = calendar.daysBefore(atMs, DAYS_BEFORE - index);
    return { day: calendar.dayAt(startMs), ...sumOf(charged.get(startMs) ?? []) };
  });
}

function spendingText(spending: Spending): string {
  const each = perCall(spending);
  const call = each === undefined ? '' : `, ${usdText(each)} a call`;
  return `${usdText(spending.spentMicroUsd)} in ${digits(spending.calls)} calls${call}.`;
}

function dayTable(days: readonly DaySpending[]): ReportTable {
  return {
    columns: [left('day'), right('spent'), right('calls'), right('a call'), right('change')],
    rows: days.map((one, index) => {
      const before = index > 0 ? perCall(days[index - 1]!) : undefined;
      const each = perCall(one);
      const change =
        each === undefined || before === undefined ? undefined : changePerMille(each, before);
      return [
        ...[one.day, usdText(one.spentMicroUsd), digits(one.calls), usdText(each)],
        changeText(change),
      ];
    }),
  };
}

function agentTable(agents: readonly AgentSpending[], all: Spending): ReportTable {
  return {
    columns: [left('agent'), right('spent'), right('share'), right('calls'), right('a call')],
    rows: agents.map((one) => [
      one.agent,
      usdText(one.spentMicroUsd),
      shareText(sharePerMille(one.spentMicroUsd, all.spentMicroUsd)),
      digits(one.calls),
      usdText(perCall(one)),
    ]),
  };
}
