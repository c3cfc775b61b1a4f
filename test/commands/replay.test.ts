import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';

const CONFIGURATION = `
version: 1
tenants:
  - { id: demo, name: Demo }
agents:
  - { id: code-model, name: Model, provider: azure_openai, model: gpt-4 }
policies:
  - id: allow-all
    name: Everybody may call everything
    effect: allow
`;
/** A call is held at $0.084 and charged $0.076: six of them fit. */
const CAPPED = `${CONFIGURATION}
budgets:
  - { id: cap, scope: organization, period: daily, caps: { cost_usd: '0.50' } }
limits:
  - { id: pace, scope: user, windows: [{ limit: 8, per: hour }] }
`;
const ROWS = Array.from({ length: 10 }, (_, row) => `2023-11-16 18:0${row}:03.9799600,1000,100`);
const TRACE = ['TIMESTAMP,ContextTokens,GeneratedTokens', ...ROWS, ''].join('\r\n');

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tollgate-replay-'));
  await write('capped.yaml', CAPPED);
  await write('open.yaml', CONFIGURATION);
  await write('trace.csv', TRACE);
});

afterEach(() => rm(directory, { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(directory, name), text);
}

function replay(config: string, ...options: string[]) {
  const trace = join(directory, 'trace.csv');
  return runCommand(['replay', '--config', join(directory, config), '--trace', trace, ...options]);
}

describe('replay of a trace', () => {
  test('X9: coverage first, then the flips with both reasons, then the totals; exit code 1', async () => {
    const { exitCode, stdout, stderr } = await replay('capped.yaml');
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    const named = stdout.replaceAll(`${directory}/`, '');
    await expect(named).toMatchFileSnapshot('golden/replay.txt');
  });

  test('exits with 0 when nothing flips', async () => {
    const { exitCode, stdout } = await replay('open.yaml');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('10 of 10 decisions replayed');
    expect(stdout).toContain('No decision flips.');
  });

  test('--against compares two configurations, and then what was spent before is known', async () => {
    const against = join(directory, 'open.yaml');
    const { exitCode, stdout } = await replay('capped.yaml', '--against', against, '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      totals: { spent_before_micro_usd: 760_000, spent_micro_usd: 456_000, flipped_to_denied: 4 },
      reasons: [{ reason: 'budget.exceeded cap', denied_before: 0, flipped_to_denied: 4 }],
      agents: [{ agent: 'demo/code-model', decisions: 10 }],
      days: [{ day: '2023-11-16', decisions: 10 }],
    });
    const back = await replay('open.yaml', '--against', join(directory, 'capped.yaml'), '--json');
    expect(JSON.parse(back.stdout)).toMatchObject({ totals: { flipped_to_allowed: 4 } });
  });

  test('--from and --to bound the decisions, not what counts for them', async () => {
    const range = ['--from', '2023-11-16T18:05:00Z', '--to', '2023-11-16T18:08:00Z'];
    const { stdout } = await replay('capped.yaml', '--json', ...range);
    expect(JSON.parse(stdout)).toMatchObject({
      totals: { decisions: 3, flipped_to_denied: 2 },
      flips: [{ decision_id: 'row 7' }, { decision_id: 'row 8' }],
    });
  });

  test.each(['csv', 'jsonl'])('--out writes a line for each decision, as %s', async (ending) => {
    const out = join(directory, `decisions.${ending}`);
    await replay('capped.yaml', '--out', out);
    const first = await readFile(out, 'utf8');
    await replay('capped.yaml', '--out', out);
    expect(await readFile(out, 'utf8')).toBe(first);
    const lines = first.trimEnd().split(/\r?\n/);
    expect(lines).toHaveLength(ending === 'csv' ? 11 : 10);
    const last = lines.at(-1) ?? '';
    if (ending === 'jsonl') {
      expect(JSON.parse(last)).toMatchObject({
        time: '2023-11-16T18:09:03.979Z',
        effect_before: 'allow',
        effect: 'deny',
        reasons: 'policy.allowed allow-all; budget.exceeded cap organization:demo',
        flip: 'denied',
        estimated_micro_usd: 84_000,
        committed_before_micro_usd: null,
        committed_micro_usd: 0,
      });
    } else {
      expect(last).toBe(
        '2023-11-16T18:09:03.979Z,demo,code-model,,reserve,row 10,row 10,allow,,deny,' +
          'policy.allowed allow-all; budget.exceeded cap organization:demo,denied,84000,,0',
      );
    }
  });
});

describe('replay refuses with exit code 2', () => {
  test.each([
    ['a configuration with a problem', { 'capped.yaml': 'version: 1\nlimitz: []\n' }, 'limitz'],
    ['a trace without times', { 'trace.csv': 'ContextTokens,GeneratedTokens\n1,2\n' }, 'TIMESTAMP'],
    [
      'a time that is none',
      { 'trace.csv': 'TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,1,2\n' },
      'trace.csv:2: TIMESTAMP must be a time in UTC such as 2023-11-16 18:17:03.979, found "noon"',
    ],
  ])('%s', async (_name, files, message) => {
    for (const [name, text] of Object.entries(files)) await write(name, text);
    const result = await replay('capped.yaml');
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain(message);
  });

  test.each([
    ['a file that is not there', ['--against', 'none.yaml'], 'there is no such file'],
    ['another kind of file', ['--out', 'decisions.xml'], 'ends in .csv or .jsonl'],
    ['a time that ends before it begins', ['--from', '2026-02-01', '--to', '2026-01-01'], '--to'],
  ])('%s', async (_name, options, message) => {
    const result = await replay('capped.yaml', ...options);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain(message);
  });

  test('a ledger that is not there', async () => {
    const config = join(directory, 'open.yaml');
    const result = await runCommand(['replay', '--config', config, '--data-dir', directory]);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('There is no ledger in');
  });
});
