import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rollUpRound } from '../../src/control/rollup.ts';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import type { Price } from '../../src/gen/tollgate/v1/verdict.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { runCommand } from '../support/command.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { send } from '../support/send.ts';
import { openStack, type Stack } from '../support/stack.ts';

const RULES = `
version: 1
tenants: [{ id: acme }]
agents: [{ id: crm, provider: azure_openai }]
policies: [{ id: all, effect: allow }]
budgets:
  - { id: day, scope: organization, period: daily, caps: { cost_usd: '100' } }
  - { id: month, scope: organization, period: monthly, caps: { cost_usd: '1000' } }
prices: { version: v7, recalibrate: true }
`;
/** A Sunday. The month is over for whoever reads the reports. */
const NOON = Date.UTC(2026, 0, 18, 12);
const SILENT = { done: () => undefined, recalibrated: () => undefined, failed: () => undefined };

describe('R52 R56 R82 spending, reviewed through a sidecar', () => {
  let postgres: PostgresServer;
  let stack: Stack;
  const prices: (Price | undefined)[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    const databaseUrl = await postgres.createDatabase();
    stack = await openStack({ configuration: RULES, databaseUrl, clock: new ManualClock(NOON) });
    for (let call = 0; call < 100; call += 1) {
      await reserve(`one-${call}`);
      await commit(`one-${call}`, 80_000n);
    }
    prices.push(await reserve('before'));
    await rollUpRound(stack.stores.sums, SILENT);
    await stack.calibrations.refresh();
    prices.push(await reserve('after'), await reserve('before'), await reserve('named', 48_000n));
    for (const name of ['before', 'after', 'named']) await commit(name);
  }, 60_000);
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  const reservations = new Map<string, string>();
  const reserve = async (name: string, costMicroUsd?: bigint): Promise<Price | undefined> => {
    const { decision, reservation } = await send.reserve(stack, {
      requestId: name,
      call: {
        ...{ tenant: 'acme', agent: 'crm', principal: { user: 'ann', team: 'hr' } },
        ...(costMicroUsd !== undefined && { estimate: { costMicroUsd } }),
      },
    });
    reservations.set(name, reservation?.reservationId ?? '');
    return decision?.price;
  };
  const commit = (name: string, costMicroUsd?: bigint) =>
    send.commit(stack, {
      ...{ tenant: 'acme', requestId: `commit-${name}`, outcome: Outcome.SUCCESS },
      reservationId: reservations.get(name) ?? '',
      usage: costMicroUsd === undefined ? {} : { costMicroUsd },
    });
  const asked = async (...args: string[]): Promise<Record<string, unknown>> => {
    const result = await runCommand([...args, '--tenant', 'acme', '--address', stack.address]);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    return JSON.parse(result.stdout) as Record<string, unknown>;
  };

  it('R52 prices are corrected once calls are off, but for costs that callers name', async () => {
    // The second 'before' is a repeat, and answered as at first.
    expect(prices).toMatchObject([
      { totalMicroUsd: 48_000n },
      {
        baseMicroUsd: 40_000n,
        calibrationPerMille: 2000,
        bufferMicroUsd: 16_000n,
        totalMicroUsd: 96_000n,
        tableVersion: 'v7',
      },
      { totalMicroUsd: 48_000n },
      { totalMicroUsd: 48_000n, tableVersion: '' },
    ]);
    expect(await stack.stores.verify({ tenant: 'acme' })).toMatchObject({ kind: 'ok' });
  });

  it('R82 the reviews say what was spent, against budgets and estimates', async () => {
    const on = ['--date', '2026-01-18', '--json'];
    const daily = await asked('report', 'daily', ...on);
    expect(daily).toMatchObject({
      over: true,
      ...{ spentMicroUsd: '8120000', calls: '103' },
      budgets: [{ unit: 'micro_usd', cap: '100000000', committed: '8120000', usedPerMille: '81' }],
    });
    const weekly = await asked('report', 'weekly', ...on);
    expect(weekly).toMatchObject({
      month: { spentMicroUsd: '8120000', projectedMicroUsd: '13984444' },
      agents: [{ agent: 'crm', spentMicroUsd: '8120000' }],
    });
    const monthly = await asked('report', 'monthly', ...on);
    expect(monthly).toMatchObject({
      agents: [
        { agent: 'crm', settledCalls: '103', succeededCalls: '103', variancePerMille: '627' },
      ],
      calibrations: { applied: true, agents: [{ agent: 'crm', factorPerMille: 2000 }] },
      suggested: [{ agent: null, suggestedMicroUsd: '10000000' }, { agent: 'crm' }],
    });
  });

  it('R56 the bill of the month adds up to what the accounts committed', async () => {
    const bill = await asked('billing', '--month', '2026-01', '--format', 'json');
    expect(bill).toMatchObject({
      final: true,
      lines: [{ agent: 'crm', team: 'hr', user: 'ann', provider: 'azure_openai', calls: '103' }],
      total: { calls: '103', costMicroUsd: '8120000' },
    });
  });
});
