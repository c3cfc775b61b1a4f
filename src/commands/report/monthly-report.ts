import type { ListCalibrationsResponse, UsageRow } from '../../gen/tollgate/v1/query_service.ts';
import { grouped as digits } from '../text/units.ts';
import { budgetTable, budgetText, budgetUses } from './budget-lines.ts';
import { Calendar, type TimeSpan } from './calendar.ts';
import { isoText } from './daily-report.ts';
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
import { projected } from './weekly-report.ts';

/** With the month itself: what the budget of the next one is suggested from. */
const MONTHS = 3;
const ROOM_PER_MILLE = 1_200n;
const MICRO_USD_PER_USD = 1_000_000n;
/** Estimates that are off by more are to be corrected (requirement R52). */
const MOST_OFF_PER_MILLE = 150n;

/** The monthly review (requirement R82): total, agents, estimates, budgets for next month. */
export async function monthlyReport(
  source: ReportSource,
  { tenant, zone, atMs, nowMs }: ReportRequest,
): Promise<ReportDocument> {
  const calendar = new Calendar(zone);
  const month = calendar.monthAround(atMs);
  const { fromMs } = calendar.monthBefore(atMs, MONTHS - 1);
  const rows = await source.usage({ fromMs, toMs: month.toMs }, 'month');
  const monthOf = ({ fromMs: startMs }: TimeSpan) =>
    rows.filter(({ bucketStart }) => bucketStart?.getTime() === startMs);
  const own = monthOf(month);
  const total = sumOf(own);
  const before = sumOf(monthOf(calendar.monthBefore(atMs, 1)));
  const agents = byAgent(own);
  const budgets = budgetUses(await source.accounts(), 'monthly', month.fromMs);
  const found = await source.calibrations();
  const over = month.toMs <= nowMs;
  const soFar = {
    fromMs: month.fromMs,
    toMs: over ? month.toMs : Math.max(nowMs, month.fromMs + 1),
  };
  const suggested = suggestions(rows, month, soFar);
  const change = changePerMille(total.spentMicroUsd, before.spentMicroUsd);
  const name = calendar.dayAt(month.fromMs).slice(0, 'YYYY-MM'.length);
  return {
    title: `Monthly review of ${tenant}, ${name} (${zone})`,
    sections: [
      {
        title: 'Total',
        text: [
          `${usdText(total.spentMicroUsd)} in ${digits(total.calls)} calls, ` +
            `${usdText(before.spentMicroUsd)} in the month before (${changeText(change)}).`,
          ...(over ? [] : ['The month is not over.']),
          ...budgetText(budgets, 'No account of a monthly budget was used in this month.'),
        ],
        table: budgetTable(budgets),
      },
      { title: 'Agents', text: agentText(agents), table: agentTable(agents, total.spentMicroUsd) },
      { title: 'Estimates', text: estimateText(found), table: estimateTable(agents, found) },
      {
        title: 'Budgets for next month',
        text: [
          `The highest of the last ${MONTHS} months and 20 % more, in whole dollars` +
            `${over ? '' : '; this month as if it went on like this'}.`,
        ],
        table: suggestionTable(suggested),
      },
    ],
    figures: plain({
      ...{ report: 'monthly', tenant, zone, month: name, over, from: isoText(month.fromMs) },
      ...{ to: isoText(month.toMs), ...total, spentBeforeMicroUsd: before.spentMicroUsd, budgets },
      agents: agents.map((one) => ({ ...one, variancePerMille: varianceOf(one) })),
      calibrations: { applied: found.applied, agents: found.calibrations },
      suggested,
    }) as ReportDocument['figures'],
  };
}

function agentTable(agents: readonly AgentSpending[], totalMicroUsd: bigint): ReportTable {
  return {
    columns: [
      ...[left('agent'), right('spent'), right('share'), right('calls'), right('a call')],
      right('success'),
      right('a success'),
    ],
    rows: agents.map((one) => [
      one.agent,
      usdText(one.spentMicroUsd),
      shareText(sharePerMille(one.spentMicroUsd, totalMicroUsd)),
      digits(one.calls),
      usdText(perCall(one)),
      shareText(sharePerMille(one.succeededCalls, one.settledCalls)),
      usdText(one.succeededCalls > 0n ? one.spentMicroUsd / one.succeededCalls : undefined),
    ]),
  };
}

/** Actual against estimated, of the calls that were committed. */
function varianceOf({ actualMicroUsd, estimatedMicroUsd }: AgentSpending): bigint | undefined {
  return changePerMille(actualMicroUsd, estimatedMicroUsd);
}

function estimateText({ applied }: ListCalibrationsResponse): readonly string[] {
  const factors = applied
    ? 'Estimates that Tollgate makes are multiplied with the factor.'
    : 'The factor is not applied: prices.recalibrate is false.';
  return [
    'Estimated is what was held for calls that were committed, with the buffer: at a buffer of 20 % a price ' +
      `that is exact shows -16.7 %. The factor compares without the buffer. ${factors}`,
  ];
}

function estimateTable(
  agents: readonly AgentSpending[],
  { calibrations }: ListCalibrationsResponse,
): ReportTable {
  const factors = new Map(calibrations.map((one) => [one.agent, one.factorPerMille]));
  return {
    columns: [
      ...[left('agent'), right('estimated'), right('actual'), right('variance')],
      right('factor'),
      left(''),
    ],
    rows: agents.map((one) => {
      const variance = varianceOf(one);
      const factor = factors.get(one.agent);
      return [
        one.agent,
        usdText(one.estimatedMicroUsd),
        usdText(one.actualMicroUsd),
        changeText(variance),
        factor === undefined ? '-' : String(factor / 1_000),
        isFarOff(variance) ? 'off by more than 15 %' : '',
      ];
    }),
  };
}

function isFarOff(variance = 0n): boolean {
  return variance > MOST_OFF_PER_MILLE || variance < -MOST_OFF_PER_MILLE;
}

interface Suggestion {
  /** Undefined for the organization as a whole. */
  readonly agent: string | undefined;
  readonly highestMicroUsd: bigint;
  readonly suggestedMicroUsd: bigint;
}

function suggestions(
  rows: readonly UsageRow[],
  month: TimeSpan,
  soFar: TimeSpan,
): readonly Suggestion[] {
  const suggest = (agent: string | undefined): Suggestion => {
    const spent = new Map<number, bigint>();
    for (const row of rows) {
      if (agent !== undefined && row.agent !== agent) continue;
      const startMs = row.bucketStart?.getTime() ?? 0;
      spent.set(startMs, (spent.get(startMs) ?? 0n) + row.committedMicroUsd);
    }
    spent.set(month.fromMs, projected(spent.get(month.fromMs) ?? 0n, { soFar, month }));
    const highest = [...spent.values()].reduce((most, one) => (one > most ? one : most), 0n);
    return { agent, highestMicroUsd: highest, suggestedMicroUsd: withRoom(highest) };
  };
  return [undefined, ...byAgent(rows).map(({ agent }) => agent)].map(suggest);
}

/** Rounded up to whole dollars. */
function withRoom(amount: bigint): bigint {
  const perDollar = 1_000n * MICRO_USD_PER_USD;
  return ((amount * ROOM_PER_MILLE + perDollar - 1n) / perDollar) * MICRO_USD_PER_USD;
}

function suggestionTable(suggested: readonly Suggestion[]): ReportTable {
  return {
    columns: [left('budget of'), right('highest month'), right('suggested')],
    rows: suggested.map(({ agent, highestMicroUsd, suggestedMicroUsd }) => [
      agent ?? 'the organization',
      centsText(highestMicroUsd),
      usdText(suggestedMicroUsd),
    ]),
  };
}
