import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { status } from '@grpc/grpc-js';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../src/commands/program.ts';
import { runCommand } from '../support/command.ts';
import { Refuse, startScriptedServer } from '../support/scripted-server.ts';

function commandPaths(command: Command, path: readonly string[] = []): string[] {
  return [
    path.join(' '),
    ...command.commands.flatMap((sub) => commandPaths(sub, [...path, sub.name()])),
  ];
}

const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
const COMMANDS = commandPaths(buildProgram({ ...streams, exit: () => undefined }));

/** What a command does not go without. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  drive: ['--trace', 'trace.csv'],
  replay: ['--config', 'candidate.yaml'],
};

describe('Every command', () => {
  test('is there', () => {
    expect(COMMANDS).toEqual([
      '',
      'serve',
      'check',
      'status',
      'explain',
      'decisions',
      'export',
      'usage',
      'report',
      'report daily',
      'report weekly',
      'report monthly',
      'billing',
      'person',
      'erase',
      'lint',
      'policy',
      'policy test',
      'migrate',
      'migrate up',
      'migrate down',
      'migrate status',
      'verify',
      'checkpoints',
      'drive',
      'replay',
    ]);
  });

  test.each(COMMANDS)('"%s" has --help with an example, on standard output', async (path) => {
    const result = await runCommand([...path.split(' ').filter(Boolean), '--help']);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toContain(`$ tollgate ${path}`.trimEnd());
  });

  test.each(COMMANDS)(
    '"%s" refuses an unknown option with exit code 2, on standard error',
    async (path) => {
      const complete = REQUIRED[path] ?? [];
      const words = path.split(' ').filter(Boolean);
      const result = await runCommand([...words, ...complete, '--no-such-option']);
      expect(result).toMatchObject({ exitCode: 2, stdout: '' });
      expect(result.stderr).toContain('--no-such-option');
    },
  );
});

test('No command and an unknown one are usage errors, with what there is', async () => {
  const nothing = await runCommand([]);
  expect(nothing).toMatchObject({ exitCode: 2, stdout: '' });
  expect(nothing.stderr).toContain('Commands:');
  const unknown = await runCommand(['chek']);
  expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
  expect(unknown.stderr).toContain('Did you mean check?');
});

test('--help loads no heavy package: it stays quick', () => {
  const script = `
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { runProgram } = await import('./src/commands/program.ts');
    await runProgram(['--help'], process);
    const packages = loaded.map((url) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]);
    console.error([...new Set(packages.filter(Boolean))].join(' '));`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(stderr.trim()).toBe('commander');
});

describe('status', () => {
  const component = { name: 'rate_limiter', adapter: 'redis', healthy: true, problem: '' };

  test.each([
    ['0 when every part answers', [component], '', 0],
    ['1 when a part is down', [{ ...component, healthy: false, problem: 'no answer' }], '', 1],
    ['1 when a newer configuration was refused', [component], 'tollgate.yaml:3:1: bad', 1],
  ])('exits with %s', async (_name, components, configurationError, exitCode) => {
    await using server = await startScriptedServer({
      getStatus: () => ({ version: '1', components, configurationError, recordsWaiting: 3n }),
    });
    const text = await runCommand(['status', '--address', server.address]);
    expect(text.exitCode).toBe(exitCode);
    expect(text.stdout).toContain('rate limiter');
    expect(text.stdout).toContain(configurationError);
    const json = await runCommand(['status', '--address', server.address, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      version: '1',
      recordsWaiting: '3',
      components: [{ name: 'rate_limiter' }],
    });
  });

  test('--tenant lists the accounts, page by page', async () => {
    const account = (name: string) => ({
      account: name,
      budgetId: 'b',
      scope: 'organization:acme',
      periodStart: undefined,
      periodEnd: undefined,
      metrics: [
        { unit: 'invocations', cap: 10n, committed: 1n, held: 2n, remaining: 7n, carried: 0n },
      ],
      usedPerMille: 300,
      warning: false,
      degraded: false,
      soft: false,
      outage: false,
    });
    await using server = await startScriptedServer({
      getStatus: () => ({}),
      getBudgetStatus: ({ pageToken }) =>
        pageToken === ''
          ? { budgetStatus: [account('first')], nextPageToken: 'more' }
          : { budgetStatus: [account('second')] },
    });
    const { stdout } = await runCommand([
      'status',
      '--address',
      server.address,
      '--tenant',
      'acme',
    ]);
    expect(stdout).toMatch(/first +invocations +10 +1 +2 +7 +30 %/);
    expect(stdout).toContain('second');
  });

  test('A sidecar that refuses is exit code 2', async () => {
    await using server = await startScriptedServer({
      getStatus: () => new Refuse(status.INTERNAL, 'broken'),
    });
    const result = await runCommand(['status', '--address', server.address]);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('INTERNAL: broken');
  });
});
