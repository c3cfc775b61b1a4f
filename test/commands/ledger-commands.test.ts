import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tollgate-ledger-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('migrate and verify on the embedded ledger', () => {
  test('R73: up makes the ledger, status lists it, verify proves it, down takes it back', async () => {
    const on = ['--data-dir', directory];
    const up = await runCommand(['migrate', 'up', ...on]);
    expect(up).toMatchObject({ exitCode: 0, stderr: '' });

    const status = await runCommand(['migrate', 'status', ...on, '--json']);
    expect(status.exitCode).toBe(0);
    const { applied, pending } = JSON.parse(status.stdout) as { applied: object[]; pending: [] };
    expect(applied.length).toBeGreaterThan(0);
    expect(pending).toEqual([]);

    const verified = await runCommand(['verify', ...on]);
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
    expect(verified.stdout).toContain('the books add up (0 entries in 0 chained batches');
    const verifiedJson = await runCommand(['verify', ...on, '--json']);
    expect(JSON.parse(verifiedJson.stdout)).toMatchObject({ kind: 'ok', entries: 0 });

    const down = await runCommand(['migrate', 'down', ...on, '--to', '0', '--json']);
    expect(down.exitCode).toBe(0);
    expect(JSON.parse(down.stdout)).toEqual({
      taken_back: applied.map((_migration, index) => applied.length - index),
    });
  }, 60_000);

  test.each([['verify'], ['migrate', 'status'], ['migrate', 'down']].map((words) => [words]))(
    '%j makes no ledger where there is none',
    async (words) => {
      const result = await runCommand([...words, '--data-dir', directory]);
      expect(result).toMatchObject({ exitCode: 2, stdout: '' });
      expect(result.stderr).toContain('There is no ledger in');
      expect(await readdir(directory)).toEqual([]);
    },
  );
});

describe('lint', () => {
  const lint = async (text: string, ...args: string[]) => {
    const file = join(directory, 'tollgate.yaml');
    await writeFile(file, text);
    return { file, ...(await runCommand(['lint', file, ...args])) };
  };

  test('Every finding has its file, line, column and field, and exits with 1', async () => {
    const text = 'version: 1\ntenants:\n  - id: acme\n    nmae: Acme\nlimitz: []\n';
    const { file, exitCode, stdout } = await lint(text);
    expect(exitCode).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(stdout).toContain(`${file}:4:5: `);
    expect(stdout).toContain(`${file}:5:1: `);

    const json = await lint(text, '--json');
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      findings: [
        { severity: 'error', line: 4, column: 5 },
        { severity: 'error', line: 5, column: 1 },
      ],
    });
  });

  test('A file without findings exits with 0', async () => {
    const quickstart = new URL('../../examples/quickstart.yaml', import.meta.url).pathname;
    expect(await runCommand(['lint', quickstart])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('A file that is not there is no finding: exit code 2', async () => {
    const result = await runCommand(['lint', join(directory, 'none.yaml')]);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('there is no such file');
  });
});
