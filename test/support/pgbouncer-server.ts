import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { PostgresServer } from './postgres-server.ts';
import { serverUser } from './server-user.ts';

export interface PgBouncerOptions {
  /** Connections to Postgres for each database. Default 2: far fewer than clients want. */
  readonly poolSize?: number;
  /** More settings, for example { server_reset_query: 'DISCARD ALL' }. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** It starts in a tenth of a second, on a busy machine in several. */
const START_TIMEOUT_MS = 15_000;
const POLL_MS = 20;
/** The name of the Unix socket; it is the only one in its directory, so any port will do. */
const PORT = 6432;
const USER = 'tollgate';

const running = new Map<ChildProcess, string>();
process.on('exit', () => {
  for (const [child, directory] of running) {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
});

/**
 * Starts Debian's PgBouncer in transaction mode in front of a Postgres, on a Unix socket in a
 * directory of its own. Use it with `await using`: it is killed and its directory removed when the
 * scope ends, also when it is frozen, and at the latest when the process ends.
 */
export async function startPgBouncer(
  postgres: PostgresServer,
  options: PgBouncerOptions = {},
): Promise<PgBouncer> {
  const directory = await mkdtemp(join(tmpdir(), 'tollgate-pgbouncer-'));
  const files = {
    'users.txt': `"${USER}" ""\n`,
    'pgbouncer.ini': configuration(directory, postgres, options),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const { uid, gid } = serverUser();
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
  const bouncer = new PgBouncer(directory);
  try {
    await bouncer.start();
    return bouncer;
  } catch (error) {
    await bouncer[Symbol.asyncDispose]();
    throw error;
  }
}

export class PgBouncer implements AsyncDisposable {
  readonly #directory: string;
  #child: ChildProcess | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The way through PgBouncer to the database of a URL of the Postgres behind it. */
  urlOf(databaseUrl: string): string {
    const { pathname } = new URL(databaseUrl);
    return `postgres://${USER}@localhost:${PORT}${pathname}?host=${this.#directory}`;
  }

  /** Also starts it again after `stop` or `kill`. */
  async start(): Promise<void> {
    const child = spawn('pgbouncer', [join(this.#directory, 'pgbouncer.ini')], {
      // Debian keeps it where only root's PATH looks.
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...serverUser(),
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.on('error', (error) => (output += String(error)));
    child.once('exit', () => running.delete(child));
    running.set(child, this.#directory);
    this.#child = child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await accepts(join(this.#directory, `.s.PGSQL.${PORT}`)))) {
      const ended = child.exitCode !== null || child.pid === undefined;
      if (ended || Date.now() > deadline) throw new Error(`pgbouncer did not start: ${output}`);
      await sleep(POLL_MS);
    }
  }

  /** Ends it in order, at once: clients see their connections close. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** It keeps its connections and answers nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    const dead = child?.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    if (dead) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

/** What is not said here is as PgBouncer has it, but for `server_login_retry`. */
function configuration(
  directory: string,
  postgres: PostgresServer,
  { poolSize = 2, settings = {} }: PgBouncerOptions,
): string {
  const all: Readonly<Record<string, string>> = {
    unix_socket_dir: directory,
    listen_port: String(PORT),
    auth_type: 'trust',
    auth_file: join(directory, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: String(poolSize),
    // By default it does not try again for 15 seconds after Postgres was away.
    server_login_retry: '0.1',
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
  const database = `* = host=127.0.0.1 port=${postgres.port}`;
  return ['[databases]', database, '[pgbouncer]', ...lines, ''].join('\n');
}

async function accepts(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
