import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DecisionQuery, QueryRefusal } from '../../src/decision/queries.ts';
import type { Page, StoredRecord } from '../../src/decision/record.ts';
import { csvLine } from '../../src/commands/text/csv.ts';
import { recordOf } from '../conformance/ledger/requests.ts';
import { knowing, scripted, startEdge, type RunningEdge } from '../server/support.ts';
import { runCommand, type CommandResult } from '../support/command.ts';

const NOON_MS = Date.UTC(2026, 10, 21, 12);

const STORED: readonly StoredRecord[] = [
  {
    ...recordOf('acme', {
      requestId: 'r-2',
      traceId: '',
      facts: {
        user: '=HYPERLINK("http://evil")',
        team: 'a, "b"',
        attributes: {},
        agent: 'copilot',
      },
      decision: {
        decisionId: 'dec_2',
        effect: 'deny',
        decidedAtMs: NOON_MS + 1_000,
        reasons: [
          { code: 'policy.allowed', message: 'Policy p allows it.' },
          { code: 'limit.exceeded', message: 'No room,\nnot for "you".' },
        ],
      },
    }),
    settlement: undefined,
  },
  {
    ...recordOf('acme', {
      requestId: 'r-1',
      traceId: 'a'.repeat(32),
      personCommitment: 'c0ffee',
      reservationId: 'res_1',
      facts: { attributes: { region: 'eu' }, dataClassification: ['pii', 'hr'] },
      decision: { decisionId: 'dec_1', decidedAtMs: NOON_MS },
    }),
    settlement: {
      end: 'error',
      amounts: { costMicroUsd: 2n ** 60n, inputTokens: 7n, outputTokens: 9n, invocations: 1n },
      settledAtMs: NOON_MS + 5_000,
      durationMs: 1_250,
      errorMessage: '-1 is no figure: HTTP 500',
    },
  },
];

let edge: RunningEdge;
let directory: string;
let answer: (query: DecisionQuery) => Promise<Page<StoredRecord> | QueryRefusal>;
const seen: DecisionQuery[] = [];

beforeAll(async () => {
  const queries = knowing({
    decisions: (query) => {
      seen.push(query);
      return answer(query);
    },
  });
  edge = await startEdge(scripted().point, { queries });
});
afterAll(() => edge.stop());
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tollgate-export-'));
  answer = () => Promise.resolve({ items: STORED, nextPageToken: undefined });
  seen.length = 0;
});
afterEach(() => rm(directory, { recursive: true }));

const run = (...args: string[]): Promise<CommandResult> =>
  runCommand([...args, '--tenant', 'acme', '--address', edge.server.address]);
/** So many records, a page after the other. */
const many =
  (count: number) =>
  ({ pageSize, pageToken = '0' }: DecisionQuery): Promise<Page<StoredRecord>> => {
    const first = Number(pageToken);
    const last = Math.min(first + pageSize, count);
    const items = Array.from({ length: last - first }, () => STORED[1]!);
    return Promise.resolve({ items, nextPageToken: last < count ? String(last) : undefined });
  };

describe('tollgate decisions', () => {
  test('R55 a table, newest first', async () => {
    const result = await run('decisions');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    await expect(result.stdout).toMatchFileSnapshot('golden/decisions.txt');
  });

  test('R55 R57 R69 every option narrows', async () => {
    const filters = [
      ...['--agent', 'copilot', '--user', 'alice', '--email', 'zoe@example.org'],
      ...['--effect', 'deny', '--reason', 'limit.exceeded', '--event', 'rate_limit_exceeded'],
      ...['--trace', 'a'.repeat(32), '--request', 'r-1', '--decision', 'dec_1'],
      ...['--from', '2026-11-01', '--to', '2026-11-02', '--limit', '7'],
    ];
    await run('decisions', ...filters);
    expect(seen).toEqual([
      {
        tenant: 'acme',
        agent: 'copilot',
        user: 'alice',
        email: 'zoe@example.org',
        effect: 'deny',
        reasonCode: 'limit.exceeded',
        event: 'external_agent.rate_limit_exceeded',
        traceId: 'a'.repeat(32),
        requestId: 'r-1',
        decisionId: 'dec_1',
        fromMs: Date.UTC(2026, 10, 1),
        toMs: Date.UTC(2026, 10, 2),
        pageSize: 7,
      },
    ]);
  });

  test('--limit bounds what is listed, over pages; --json is a line for each', async () => {
    answer = many(5_000);
    const result = await run('decisions', '--limit', '1200', '--json');
    const lines = result.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1_200);
    expect(JSON.parse(lines[0]!)).toMatchObject({ decisionId: 'dec_1', country: 'DE' });
    expect(seen.map(({ pageSize }) => pageSize)).toEqual(Array(6).fill(200));
  });

  test('says so when nothing fits, and when the query is too broad', async () => {
    answer = () => Promise.resolve({ items: [], nextPageToken: undefined });
    expect((await run('decisions')).stdout).toBe('Nothing that fits is recorded.\n');
    answer = () => Promise.resolve({ kind: 'too_broad', problem: 'slow' });
    const refused = await run('decisions');
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('narrow its time');
  });

  test('asks for the organization, and for an event that there is', async () => {
    const without = await runCommand(['decisions']);
    expect(without).toMatchObject({ exitCode: 2, stdout: '' });
    expect(without.stderr).toContain('--tenant');
    const wrong = await run('decisions', '--event', 'denied');
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('budget_exceeded');
  });
});

describe('tollgate export', () => {
  test('R55 lines of JSON on standard output', async () => {
    const result = await run('export');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    await expect(result.stdout).toMatchFileSnapshot('golden/export.jsonl');
  });

  test('R55 CSV as RFC 4180 says, without formulas', async () => {
    const { stdout } = await run('export', '--format', 'csv');
    expect(stdout.replaceAll('\r\n', '')).not.toContain('\r');
    // Kept with the line ends that git leaves alone.
    await expect(stdout.replaceAll('\r\n', '\n')).toMatchFileSnapshot('golden/export.csv');
  });

  test.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@sum', "'@sum"],
    ['\tx', "'\tx"],
    ['=a,"b"', '"\'=a,""b"""'],
    ['a\nb', '"a\nb"'],
    ['plain', 'plain'],
    ['', ''],
  ])('the cell %j is written %j', (cell, text) => {
    expect(csvLine([cell, -1n, undefined])).toBe(`${text},-1,\r\n`);
  });

  test('R55 Parquet in row groups, with its types', async () => {
    answer = many(12_345);
    const out = join(directory, 'all.parquet');
    const result = await run('export', '--format', 'parquet', '--out', out);
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toBe(`12,345 decisions in ${out}\n`);
    const file = await asyncBufferFromFile(out);
    const metadata = await parquetMetadataAsync(file);
    expect(metadata.row_groups.map((group) => Number(group.num_rows))).toEqual([
      5_000, 5_000, 2_345,
    ]);
    const [row] = await parquetReadObjects({ file, rowStart: 12_344 });
    expect(row).toMatchObject({
      decision_id: 'dec_1',
      decided_at: new Date(NOON_MS),
      data_classification: 'pii; hr',
      attributes: '{"region":"eu"}',
      outcome: 'ERROR',
      committed_micro_usd: 2n ** 60n,
      duration_ms: 1_250n,
      error_message: '-1 is no figure: HTTP 500',
    });
  });

  test('R55 Parquet of nothing, and of what is not known', async () => {
    const out = join(directory, 'some.parquet');
    await run('export', '--format', 'parquet', '--out', out);
    const [first] = await parquetReadObjects({ file: await asyncBufferFromFile(out) });
    expect(first).toMatchObject({ decision_id: 'dec_2', trace_id: '', outcome: '' });
    expect(first).toMatchObject({ committed_micro_usd: null, settled_at: null });
    answer = many(0);
    await run('export', '--format', 'parquet', '--out', out);
    expect(await parquetReadObjects({ file: await asyncBufferFromFile(out) })).toEqual([]);
  });

  test('a file takes its name when it is whole; else what was there stays', async () => {
    const out = join(directory, 'all.jsonl');
    await writeFile(out, 'before');
    answer = ({ pageToken }) =>
      pageToken === undefined
        ? Promise.resolve({ items: STORED, nextPageToken: 'more' })
        : Promise.resolve({ kind: 'too_broad', problem: 'slow' });
    const broken = await run('export', '--out', out);
    expect(broken).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await readdir(directory)).toEqual(['all.jsonl']);
    expect(await readFile(out, 'utf8')).toBe('before');
    answer = many(3);
    expect(await run('export', '--out', out)).toMatchObject({ exitCode: 0 });
    expect((await readFile(out, 'utf8')).trimEnd().split('\n')).toHaveLength(3);
  });

  test('a file that cannot be written, and Parquet on a terminal, are told', async () => {
    const nowhere = await run('export', '--out', join(directory, 'none', 'x.csv'));
    expect(nowhere.exitCode).toBe(2);
    expect(nowhere.stderr).toContain('cannot be written');
    const terminal = await run('export', '--format', 'parquet');
    expect(terminal.exitCode).toBe(2);
    expect(terminal.stderr).toContain('--out');
  });
});
