import { describe, expect, test } from 'vitest';

import { billLines, billOf } from '../../src/commands/billing/run-billing.ts';
import { dailyReport } from '../../src/commands/report/daily-report.ts';
import { monthlyReport } from '../../src/commands/report/monthly-report.ts';
import {
  markdownLines,
  terminalLines,
  type ReportDocument,
} from '../../src/commands/report/report-document.ts';
import type { ReportSource } from '../../src/commands/report/report-source.ts';
import { weeklyReport } from '../../src/commands/report/weekly-report.ts';
import { ListCalibrationsResponse, UsageRow } from '../../src/gen/tollgate/v1/query_service.ts';
import { BudgetStatus } from '../../src/gen/tollgate/v1/verdict.ts';
import { runCommand } from '../support/command.ts';

const DAY_MS = 86_400_000;
/** A Saturday, in the afternoon. */
const NOW_MS = Date.UTC(2026, 10, 21, 15);
const REQUEST = { tenant: 'acme', zone: 'UTC', atMs: NOW_MS, nowMs: NOW_MS };

const startOfMonth = (month: number) => Date.UTC(2026, month, 1);

/** So much of one agent from a moment on; calls are committed, nine of ten with success. */
function row(agent: string, startMs: number | undefined, calls: number, cents: number): UsageRow {
  const cost = BigInt(calls) * BigInt(cents) * 10_000n;
  return UsageRow.fromPartial({
    agent,
    ...(startMs !== undefined && { bucketStart: new Date(startMs) }),
    charges: BigInt(calls),
    invocations: BigInt(calls),
    committedMicroUsd: cost,
    settledCalls: BigInt(calls),
    succeededCalls: BigInt(Math.floor((calls * 9) / 10)),
    estimatedMicroUsd: BigInt(calls) * 60_000n,
    actualMicroUsd: cost,
  });
}

/** 35 days of two agents, the last of which cost one of them three times as much a call. */
const DAYS = Array.from({ length: 35 }, (_, index) => {
  const startMs = Date.UTC(2026, 10, 21) - index * DAY_MS;
  return [
    row('copilot', startMs, 100 + index, index === 0 ? 15 : 5),
    row('crm|west', startMs, 20, 6),
  ];
}).flat();
const MONTHS = [
  row('copilot', startOfMonth(8), 2_000, 5),
  row('crm|west', startOfMonth(8), 400, 6),
  row('copilot', startOfMonth(9), 3_500, 5),
  row('copilot', startOfMonth(10), 2_000, 5),
  row('crm|west', startOfMonth(10), 500, 9),
];

function account(id: string, fromMs: number, toMs: number, metrics: BudgetStatus['metrics']) {
  return BudgetStatus.fromPartial({
    account: id,
    scope: 'organization:acme',
    periodStart: new Date(fromMs),
    periodEnd: new Date(toMs),
    metrics,
  });
}

const metric = (unit: string, cap: bigint, committed: bigint, held = 0n) => ({
  ...{ unit, cap, committed, held },
  remaining: cap - committed - held,
  carried: 0n,
});

const SOURCE: ReportSource = {
  usage: async ({ fromMs, toMs }, bucket) => {
    const within = ({ bucketStart }: UsageRow) =>
      bucketStart !== undefined && +bucketStart >= fromMs && +bucketStart < toMs;
    if (bucket === 'month') return MONTHS.filter(within);
    if (bucket === 'day') return DAYS.filter(within);
    return [row('copilot', undefined, 2_000, 5), row('crm|west', undefined, 500, 9)];
  },
  accounts: async () => [
    account('day/acme/2026-11-21', Date.UTC(2026, 10, 21), Date.UTC(2026, 10, 22), [
      metric('micro_usd', 20_000_000n, 16_200_000n, 48_000n),
      metric('invocations', 500n, 120n, 1n),
    ]),
    account('day/acme/2026-11-20', Date.UTC(2026, 10, 20), Date.UTC(2026, 10, 21), [
      metric('micro_usd', 20_000_000n, 1n),
    ]),
    account('month/acme/2026-11-01', startOfMonth(10), startOfMonth(11), [
      metric('micro_usd', 150_000_000n, 145_000_000n),
    ]),
  ],
  calibrations: async () =>
    ListCalibrationsResponse.fromPartial({
      applied: true,
      calibrations: [{ agent: 'crm|west', tableVersion: 'v1', factorPerMille: 1_512 }],
    }),
};

const REPORTS: readonly (readonly [string, () => Promise<ReportDocument>])[] = [
  ['daily', () => dailyReport(SOURCE, REQUEST)],
  ['weekly', () => weeklyReport(SOURCE, REQUEST)],
  ['monthly', () => monthlyReport(SOURCE, REQUEST)],
];

describe('R82 the reviews', () => {
  test.each(REPORTS)('%s on a terminal and as Markdown', async (kind, report) => {
    const document = await report();
    const terminal = terminalLines(document, (_style, text) => text);
    await expect(`${terminal.join('\n')}\n`).toMatchFileSnapshot(`golden/report-${kind}.txt`);
    const markdown = markdownLines(document);
    await expect(`${markdown.join('\n')}\n`).toMatchFileSnapshot(`golden/report-${kind}.md.txt`);
  });

  test.each(REPORTS)('%s has its figures as JSON, exact', async (kind, report) => {
    const figures = JSON.parse(JSON.stringify((await report()).figures)) as object;
    expect(figures).toMatchObject({ report: kind, tenant: 'acme', zone: 'UTC' });
  });

  test('the weekly review names the day and the agent that cost more than usual', async () => {
    const { figures } = await weeklyReport(SOURCE, REQUEST);
    expect(figures.outliers).toEqual([
      {
        day: '2026-11-21',
        agent: 'copilot',
        spentMicroUsd: '15000000',
        usualMicroUsd: '6000000',
        perCallMicroUsd: '150000',
        usualPerCallMicroUsd: '50000',
      },
    ]);
  });

  test('the month is projected, and the next suggested with 20 % of room', async () => {
    const { figures } = await monthlyReport(SOURCE, REQUEST);
    expect(figures).toMatchObject({
      over: false,
      spentMicroUsd: '145000000',
      suggested: [
        { agent: null, highestMicroUsd: '210909090', suggestedMicroUsd: '254000000' },
        { agent: 'copilot', highestMicroUsd: '175000000', suggestedMicroUsd: '210000000' },
        { agent: 'crm|west' },
      ],
    });
  });

  test('a tenant that was never charged has a report', async () => {
    const nothing: ReportSource = {
      usage: async () => [],
      accounts: async () => [],
      calibrations: async () => ListCalibrationsResponse.create(),
    };
    for (const report of [dailyReport, weeklyReport, monthlyReport]) {
      const { sections } = await report(nothing, { ...REQUEST, zone: 'Asia/Kolkata' });
      expect(sections.length).toBeGreaterThan(2);
    }
  });

  test.each([
    [['report', 'daily'], 'Name an organization: --tenant'],
    [['report', 'daily', '--tenant', 'a', '--date', '2026-02-30'], 'Expected a day such as'],
    [
      ['report', 'weekly', '--tenant', 'a', '--zone', 'Mars/Base', '--date', '2026-02-03'],
      'Mars/Base',
    ],
    [['billing', '--tenant', 'a'], '--month 2026-10'],
    [['billing', '--tenant', 'a', '--month', '2026-13'], 'Expected a month such as'],
  ])('%j is refused', async (args, message) => {
    const result = await runCommand(args);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain(message);
  });
});

describe('R56 the bill', () => {
  const about = {
    ...{ tenant: 'acme', month: '2026-10', zone: 'UTC', nowMs: NOW_MS },
    ...{ fromMs: startOfMonth(9), toMs: startOfMonth(10) },
  };
  const rows = [
    { ...row('crm', undefined, 2, 5), user: 'ann, "the first"', team: 'hr', model: 'gpt-4' },
    { ...row('copilot', undefined, 1, 7), committedMicroUsd: -7n },
  ];
  const total = { ...row('', undefined, 3, 1), committedMicroUsd: 99_993n };

  test('has a line for each that was charged, exact to the micro-dollar', () => {
    const bill = billOf(about, rows, total);
    expect(bill).toMatchObject({ final: true, total: { calls: 3n, costMicroUsd: 99_993n } });
    expect(billLines(bill)).toEqual([
      'month,tenant,agent,team,user,provider,model,calls,input_tokens,output_tokens,cost_usd',
      '2026-10,acme,crm,hr,"ann, ""the first""",,gpt-4,2,0,0,0.100000',
      '2026-10,acme,copilot,,,,,1,0,0,-0.000007',
    ]);
  });

  test('is refused when its lines do not add up to what was charged', () => {
    const short = { ...total, committedMicroUsd: 99_994n };
    expect(() => billOf(about, rows, short)).toThrow('add up to 99993 micro-USD, and 99994');
    expect(billOf(about, [], undefined).lines).toEqual([]);
  });
});
