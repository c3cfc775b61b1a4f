import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { progressText } from '../../src/commands/drive/progress.ts';
import { Complexity, Outcome } from '../../src/gen/tollgate/v1/call.ts';
import { ReservationState } from '../../src/gen/tollgate/v1/decision_service.ts';
import { type BudgetStatus, Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { runCommand } from '../support/command.ts';
import { decision, reservation } from '../support/decisions.ts';
import { Refuse, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';

const ROWS = 20;
const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const ROW = '2023-11-16 18:17:03.9799600,100,7';

const cleanups: (() => PromiseLike<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function traceFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tollgate-drive-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const path = join(directory, 'trace.csv');
  await writeFile(path, text);
  return path;
}

const rowsOf = (count: number) =>
  [HEADER, ...Array.from({ length: count }, (_, row) => `t,${row + 1},${row}`), ''].join('\n');

const whole: Partial<BudgetStatus> = {
  account: 'all/organization:demo',
  scope: 'organization:demo',
};
const metric = { carried: 0n, cap: 10_000_000n, remaining: 0n };

interface LedgerOptions {
  /** Reserves after this many are denied. */
  readonly admits?: number;
  readonly accounts?: Partial<BudgetStatus>[];
}

/**
 * A server that holds $0.05 a call, settles $0.04, and counts how many calls are under way at once.
 */
async function ledger({ admits = Infinity, accounts = [] }: LedgerOptions = {}) {
  const open = { now: 0, most: 0 };
  const server = await startScriptedServer({
    reserve: ({ requestId }, nth) => {
      if (nth > admits) return { decision: denial };
      open.now += 1;
      open.most = Math.max(open.most, open.now);
      return { decision: decision({}), reservation: reservation({ reservationId: requestId }) };
    },
    commit: ({ reservationId, usage }) => {
      open.now -= 1;
      return {
        reservation: reservation({
          reservationId,
          state: ReservationState.COMMITTED,
          committedMicroUsd: 40_000n,
          committedInputTokens: usage?.inputTokens ?? 0n,
          committedOutputTokens: usage?.outputTokens ?? 0n,
        }),
      };
    },
    getBudgetStatus: () => ({ budgetStatus: accounts as BudgetStatus[] }),
  });
  cleanups.push(() => server[Symbol.asyncDispose]());
  return { server, open };
}

const denial = decision({
  effect: Effect.DENY,
  reasons: [
    {
      code: 'budget.exceeded',
      account: 'all/organization:demo',
      unit: 'micro_usd',
      remaining: 12_500n,
    },
    { code: 'budget.warning', account: 'other', advisory: true },
  ],
});

const drive = (server: ScriptedServer, trace: string, ...args: string[]) =>
  runCommand(['drive', '--address', server.address, '--trace', trace, ...args]);

describe('What is sent', () => {
  test('Each row is reserved at its context tokens and committed with what it used', async () => {
    const { server } = await ledger();
    const result = await drive(server, await traceFile(rowsOf(ROWS)), '--run-id', 'run');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(server.received.reserve).toHaveLength(ROWS);
    expect(server.received.commit).toHaveLength(ROWS);
    expect(server.received.reserve[0]).toMatchObject({
      requestId: 'run.0.reserve',
      call: {
        tenant: 'demo',
        agent: 'code-model',
        estimate: {
          inputTokens: 1n,
          outputTokens: undefined,
          costMicroUsd: undefined,
          complexity: Complexity.STANDARD,
          model: 'gpt-4',
        },
      },
    });
    const committed = server.received.commit.find(({ requestId }) => requestId === 'run.4.commit');
    expect(committed).toMatchObject({
      tenant: 'demo',
      reservationId: 'run.4.reserve',
      outcome: Outcome.SUCCESS,
      usage: { inputTokens: 5n, outputTokens: 4n, costMicroUsd: undefined },
    });
  });

  test('X3: a run driven again sends the same requests, byte for byte', async () => {
    const { server } = await ledger();
    const path = await traceFile(rowsOf(ROWS));
    const again = ['--run-id', 'run', '--user-pool', '3', '--concurrency', '7'];
    await drive(server, path, ...again);
    await drive(server, path, ...again);
    for (const sent of [server.received.reserve, server.received.commit]) {
      const inOrder = sent.toSorted((a, b) => (a.requestId < b.requestId ? -1 : 1));
      expect(inOrder).toHaveLength(2 * ROWS);
      for (let row = 0; row < 2 * ROWS; row += 2) expect(inOrder[row]).toEqual(inOrder[row + 1]);
    }
  });

  test('Two runs without a run id share no request id', async () => {
    const { server } = await ledger();
    const path = await traceFile(rowsOf(ROWS));
    await drive(server, path);
    await drive(server, path);
    const ids = server.received.reserve.map(({ requestId }) => requestId);
    expect(new Set(ids).size).toBe(2 * ROWS);
  });

  test('--user-pool spreads the calls, --limit ends them, --concurrency bounds them', async () => {
    const { server, open } = await ledger();
    const path = await traceFile(rowsOf(ROWS));
    await drive(server, path, '--user-pool', '4', '--limit', '10', '--concurrency', '3');
    const users = server.received.reserve.map(({ call }) => call?.principal?.user);
    expect(users).toHaveLength(10);
    expect(new Set(users)).toEqual(new Set(['user-0', 'user-1', 'user-2', 'user-3']));
    expect(open.most).toBeGreaterThan(1);
    expect(open.most).toBeLessThanOrEqual(3);
  });
});

describe('What is printed', () => {
  test('--json prints the closing line alone, with what the ledger answered', async () => {
    const { server } = await ledger({ admits: 15 });
    const { stdout, stderr } = await drive(server, await traceFile(rowsOf(ROWS)), '--json');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const closing: unknown = JSON.parse(stdout);
    expect(closing).toMatchObject({
      calls: 20,
      allowed: 15,
      denied: 5,
      committed_micro_usd: 600_000,
      held_micro_usd: 0,
    });
    expect(Object.keys(closing as object)).toEqual([
      'calls',
      'allowed',
      'denied',
      'committed_micro_usd',
      'input_tokens',
      'output_tokens',
      'held_micro_usd',
    ]);
    expect(stderr).toContain('20 calls: 15 allowed, 5 denied');
  });

  test("Amounts are those of the organization's account that never ends, where it has them", async () => {
    const { server } = await ledger({
      accounts: [
        {
          ...whole,
          account: 'month',
          periodStart: new Date('2026-11-01'),
          periodEnd: new Date('2026-12-01'),
          metrics: [{ ...metric, unit: 'micro_usd', committed: 1n, held: 1n }],
        },
        {
          ...whole,
          metrics: [
            { ...metric, unit: 'micro_usd', committed: 9_007_199_254_740_993n, held: 50_000n },
            { ...metric, unit: 'output_tokens', committed: 999n, held: 0n },
          ],
        },
      ],
    });
    const { stdout } = await drive(server, await traceFile(rowsOf(ROWS)), '--json');
    expect(stdout).toBe(
      '{"calls":20,"allowed":20,"denied":0,"committed_micro_usd":9007199254740993,' +
        '"input_tokens":210,"output_tokens":999,"held_micro_usd":50000}\n',
    );
  });

  test('X7: the summary names the account that denied and what was left in it', async () => {
    const { server } = await ledger({ admits: 15 });
    const { stdout, exitCode } = await drive(server, await traceFile(rowsOf(ROWS)));
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      'budget.exceeded  all/organization:demo: 5 calls, $0.0125 left at the last',
    );
    expect(stdout).not.toContain('budget.warning');
  });

  test('The progress line says how far, how fast and how long still', () => {
    expect(progressText({ calls: 50, denied: 3 }, 200, 10_000)).toBe(
      '██████░░░░░░░░░░░░░░░░░░  50 of 200  5/s  3 denied  30 s to go',
    );
  });
});

describe('A sidecar that fails', () => {
  test('A ledger that goes away after the last call loses no figure', async () => {
    const server = await startScriptedServer({
      reserve: () => ({ decision: decision({}), reservation: reservation() }),
      commit: () => ({ reservation: reservation({ committedMicroUsd: 40_000n }) }),
      getBudgetStatus: () => new Refuse(status.FAILED_PRECONDITION, 'the ledger is away'),
    });
    cleanups.push(() => server[Symbol.asyncDispose]());
    const result = await drive(server, await traceFile(rowsOf(ROWS)), '--json');
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toContain('the ledger is away');
    expect(JSON.parse(result.stdout)).toMatchObject({ calls: 20, committed_micro_usd: 800_000 });
  });

  test('A run that stops says how to go on without charging twice', async () => {
    const server = await startScriptedServer({
      reserve: (_request, nth) =>
        nth > 5
          ? new Refuse(status.FAILED_PRECONDITION, 'no more')
          : { decision: decision({}), reservation: reservation() },
      commit: () => ({}),
    });
    cleanups.push(() => server[Symbol.asyncDispose]());
    const path = await traceFile(rowsOf(ROWS));
    const result = await drive(server, path, '--run-id', 'r9', '--concurrency', '2');
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('--run-id r9');
    // What was reserved before is settled: nothing is left behind.
    expect(server.received.commit).toHaveLength(5);
    expect(server.received.reserve.length).toBeLessThanOrEqual(7);
  });
});

describe('A trace that cannot be read is refused before the first call, naming the place', () => {
  test.each([
    ['an empty file', '', 'trace.csv:1: the file is empty'],
    [
      'a missing column',
      'TIMESTAMP,ContextTokens\n',
      'trace.csv:1: expected a header with the column GeneratedTokens',
    ],
    ['a row that is short', `${HEADER}\n${ROW}\nt,1\n`, 'trace.csv:3: expected 3 fields, found 2'],
    [
      'text for a number',
      `${HEADER}\n${ROW}\nt,x,1\n`,
      'trace.csv:3:3: ContextTokens must be a whole number, found "x"',
    ],
    [
      'a negative number',
      `${HEADER}\nt,1,-5\n`,
      'trace.csv:2:5: GeneratedTokens must be a whole number, found "-5"',
    ],
    ['a fraction', `${HEADER}\nt,1.5,5\n`, 'trace.csv:2:3: ContextTokens'],
    ['an empty field', `${HEADER}\nt,,5\n`, 'trace.csv:2:3: ContextTokens'],
    ['a line without end', `${HEADER}\n${'1'.repeat(200_000)}`, 'the line is too long'],
  ])('%s', async (_name, text, message) => {
    const { server } = await ledger();
    const result = await drive(server, await traceFile(text));
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(server.received.reserve).toEqual([]);
  });

  test('A file that is not there', async () => {
    const { server } = await ledger();
    const result = await drive(server, '/nonexistent/trace.csv');
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('/nonexistent/trace.csv cannot be read');
  });

  test('A byte-order mark, CRLF, other columns and empty lines are no mistake', async () => {
    const { server } = await ledger();
    const text = '\uFEFFGeneratedTokens,more,ContextTokens\r\n7,x,100\r\n\r\n8,y,200\r\n';
    await drive(server, await traceFile(text), '--run-id', 'r', '--concurrency', '1');
    expect(server.received.commit).toMatchObject([
      { requestId: 'r.0.commit', usage: { inputTokens: 100n, outputTokens: 7n } },
      { requestId: 'r.1.commit', usage: { inputTokens: 200n, outputTokens: 8n } },
    ]);
  });

  test('The trace that is shipped is whole', async () => {
    const { countRows, readTrace } = await import('../../src/commands/drive/trace-file.ts');
    const path = new URL('../../examples/azure-llm-code-2023.csv', import.meta.url).pathname;
    let input = 0n;
    let output = 0n;
    for await (const row of readTrace(path)) {
      input += row.inputTokens;
      output += row.outputTokens;
    }
    expect({ rows: await countRows(path), input, output }).toEqual({
      rows: 8_819,
      input: 18_059_974n,
      output: 245_896n,
    });
  });
});
