import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const QUICKSTART = new URL('../../examples/quickstart.yaml', import.meta.url).pathname;
/** An embedded ledger on a cold disk and a busy machine. */
const START_MS = 60_000;

let directory: string;
let running: Program[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tollgate-serve-'));
  running = [];
});

afterEach(async () => {
  for (const { child } of running) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await rm(directory, { recursive: true });
});

/** The program as a process of its own, and what it has printed so far. */
class Program {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[]) {
    const env = { PATH: process.env.PATH, TOLLGATE_METRICS_LISTEN: 'off' };
    this.child = spawn(process.execPath, [MAIN, ...args], {
      env,
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout.on('data', (piece: Buffer) => (this.stdout += piece.toString()));
    this.child.stderr.on('data', (piece: Buffer) => (this.stderr += piece.toString()));
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
    running.push(this);
  }

  /** Waits for a text; fails when the program ends without it. */
  async printed(stream: 'stdout' | 'stderr', text: string): Promise<void> {
    const signal = AbortSignal.timeout(START_MS);
    while (!this[stream].includes(text)) {
      const ended = this.ended.then(() => true);
      const more = once(this.child[stream], 'data', { signal }).then(() => false);
      if ((await Promise.race([ended, more])) && !this[stream].includes(text)) {
        throw new Error(`ended without "${text}":\n${this.stdout}\n${this.stderr}`);
      }
    }
  }
}

const address = () => `unix:${join(directory, 'socket')}`;
const on = () => ['--listen', address(), '--data-dir', join(directory, 'data')];

test(
  'make run: a real allow, a hold with its settlement and a denial with its reasons, then it serves until it is stopped',
  async () => {
    const program = new Program(['serve', '--try', ...on()]);
    await program.printed('stdout', 'a change is in force within a second');
    expect(program.stdout).toMatch(/ALLOW {2}acme calls copilot-hr for user alice/);
    expect(program.stdout).toMatch(/hold +res_\S+: \$/);
    expect(program.stdout).toMatch(
      /settled +res_\S+: it used 180 output tokens and cost \$0\.1108/,
    );
    expect(program.stdout).toMatch(/DENY {2}acme calls research-llm for user bob/);
    expect(program.stdout).toMatch(
      /budget\.exceeded.*\n.*account team-day\/.*left, \$50\.00 asked · retry in/,
    );
    expect(program.stdout).toContain(`--address ${address()}`);

    const call = ['--tenant', 'acme', '--agent', 'copilot-hr', '--environment', 'production'];
    const check = await runCommand(['check', '--address', address(), ...call]);
    expect(check).toMatchObject({ exitCode: 0, stderr: '' });
    const status = await runCommand(['status', '--address', address(), '--tenant', 'acme']);
    expect(status).toMatchObject({ exitCode: 0, stderr: '' });
    expect(status.stdout).toContain('embedded');

    const locked = await runCommand(['verify', '--data-dir', join(directory, 'data')]);
    expect(locked).toMatchObject({ exitCode: 2, stdout: '' });
    expect(locked.stderr).toContain(`in use by process ${program.child.pid}`);

    program.child.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    const verified = await runCommand(['verify', '--data-dir', join(directory, 'data')]);
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
  },
  2 * START_MS,
);

test(
  'An address in use: one message that says what to do, exit code 2',
  async () => {
    const first = new Program(['serve', '--config', QUICKSTART, ...on()]);
    await first.printed('stderr', `Tollgate serves on ${address()}`);
    const second = new Program([
      'serve',
      ...['--config', QUICKSTART, '--listen', address()],
      ...['--data-dir', join(directory, 'other')],
    ]);
    expect(await second.ended).toBe(2);
    expect(second.stderr).toContain('stop it or choose another path');
    expect(second.stderr).not.toContain('    at ');
  },
  2 * START_MS,
);

test(
  'A data directory that cannot be written: one message that says what to do, exit code 2',
  async () => {
    const program = new Program([
      'serve',
      ...['--config', QUICKSTART, '--listen', address(), '--data-dir', '/dev/null/data'],
    ]);
    expect(await program.ended).toBe(2);
    expect(program.stderr).toContain('/dev/null/data');
    expect(program.stderr).toContain('--data-dir');
    expect(program.stderr).not.toContain('    at ');
  },
  START_MS,
);

test(
  'A configuration that cannot be used: every problem with its place, exit code 2',
  async () => {
    const config = join(directory, 'tollgate.yaml');
    await writeFile(config, 'version: 1\ntenants:\n  - nmae: x\nlimitz: []\n');
    const program = new Program(['serve', '--config', config, ...on()]);
    expect(await program.ended).toBe(2);
    expect(program.stderr).toContain(`${config}:4:1`);
    expect(program.stderr).not.toContain('    at ');
  },
  START_MS,
);

test.each([
  ['an address that others can reach', ['--listen', '0.0.0.0:7600'], 'without TLS'],
  ['no address', ['--listen', 'nowhere'], 'is no address'],
])(
  '%s: exit code 2',
  async (_name, args, message) => {
    const program = new Program(['serve', ...args]);
    expect(await program.ended).toBe(2);
    expect(program.stderr).toContain(message);
  },
  START_MS,
);
