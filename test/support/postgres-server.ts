import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import pg from 'pg';

import { migrateUp } from '../../src/stores/postgres/migrate.ts';
import { pgClient } from '../../src/stores/postgres/pg-client.ts';
import { postgresPrograms } from './postgres-program.ts';
import { serverUser } from './server-user.ts';

export interface PostgresOptions {
  /** A version that scripts/install-postgres.sh installed. Default: Debian's. */
  readonly version?: string;
  /**
   * Wait for the disk at every commit, as in production. Default false: what a test leaves behind
   * is thrown away. A kill of the server loses nothing either way; only a machine that loses its
   * power does.
   */
  readonly durable?: boolean;
  /** More settings, for example { max_connections: '10' }. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Making a cluster and starting it takes a second, on a busy machine several. */
const START_TIMEOUT_MS = 30_000;
/** Another process may take a free port before Postgres does. */
const START_TRIES = 3;
const POLL_MS = 20;
/** With pauses of POLL_MS: two seconds, far more than an immediate stop takes. */
const MOST_REMOVALS = 100;
const USER = 'tollgate';
const TEMPLATE = 'migrated';

const running = new Map<ChildProcess, string>();
process.on('exit', () => {
  for (const [child, directory] of running) {
    signalAll(child, 'SIGCONT', 'SIGQUIT');
    removeNow(directory);
  }
});

/**
 * Starts a Postgres cluster of its own in a directory of its own. Use it with `await using`: it is
 * killed and its directory removed when the scope ends, and at the latest when the process ends.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'tollgate-postgres-'));
  const { uid, gid } = serverUser();
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
  for (let tries = 1; ; tries += 1) {
    const server = new PostgresServer(directory, await freePort(), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.kill();
      if (tries < START_TRIES) continue;
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }
}

export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #options: PostgresOptions;
  #child: ChildProcess | undefined;
  #template: Promise<void> | undefined;
  #databases = 0;

  constructor(directory: string, port: number, options: PostgresOptions) {
    this.#directory = directory;
    this.port = port;
    this.#options = options;
  }

  /** Folder of the server's Unix socket. */
  get socketDirectory(): string {
    return this.#directory;
  }

  urlOf(database: string): string {
    return `postgres://${USER}@127.0.0.1:${this.port}/${database}`;
  }

  /**
   * A database of one's own, with the migrations applied unless told otherwise. @returns its URL.
   */
  async createDatabase(options: { readonly migrated?: boolean } = {}): Promise<string> {
    const migrated = options.migrated ?? true;
    if (migrated) await (this.#template ??= this.#makeTemplate());
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.run('postgres', `create database ${name}${migrated ? ` template ${TEMPLATE}` : ''}`);
    return this.urlOf(name);
  }

  /** Runs SQL as the owner, past the ledger: for what a test has to look at or damage. */
  async run<Row extends object>(database: string, text: string): Promise<Row[]> {
    const url = database.startsWith('postgres:') ? database : this.urlOf(database);
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /**
   * Also starts it again, with its data, on the same port after `stop` or `kill`. After a kill, a
   * process that was born at that very moment may live a little longer, and keeps Postgres from
   * starting for as long.
   */
  async start(): Promise<void> {
    const programs = await postgresPrograms(this.#directory, this.#options.version);
    await this.#makeCluster(join(programs, 'initdb'));
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const problem = await this.#launch(join(programs, 'postgres'), deadline);
      if (problem === undefined) return;
      const orphaned = problem.includes('pre-existing shared memory block');
      if (!orphaned || Date.now() > deadline) throw new Error(`postgres did not start: ${problem}`);
      await sleep(POLL_MS);
    }
  }

  /** @returns what it printed when it does not answer, undefined when it does. */
  async #launch(program: string, deadline: number): Promise<string | undefined> {
    const child = spawn(program, this.#arguments(), {
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
    while (!(await this.#answers())) {
      const ended = child.exitCode !== null || child.pid === undefined;
      if (ended || Date.now() > deadline) return output;
      await sleep(POLL_MS);
    }
    return undefined;
  }

  /** Ends it in order: clients see their connections close. */
  async stop(): Promise<void> {
    await this.#end((child) => child.kill('SIGINT'));
  }

  /** Ends the server and all its processes at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end((child) => signalAll(child, 'SIGKILL'));
  }

  /** It keeps its connections and answers nothing. */
  freeze(): void {
    signalAll(this.#alive(), 'SIGSTOP');
  }

  thaw(): void {
    signalAll(this.#alive(), 'SIGCONT');
  }

  /** Without delay and without leaving shared memory behind, as a kill would. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end((child) => signalAll(child, 'SIGCONT', 'SIGQUIT'));
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: (child: ChildProcess) => void): Promise<void> {
    const child = this.#alive();
    if (!child) return;
    const ended = once(child, 'exit');
    signal(child);
    await ended;
  }

  #alive(): ChildProcess | undefined {
    const child = this.#child;
    const dead = child?.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    return dead ? undefined : child;
  }

  async #makeTemplate(): Promise<void> {
    await this.run('postgres', `create database ${TEMPLATE}`);
    const sql = pgClient({
      url: this.urlOf(TEMPLATE),
      poolSize: 1,
      connectTimeoutMs: START_TIMEOUT_MS,
      statementTimeoutMs: START_TIMEOUT_MS,
      onProblem: () => undefined,
    });
    await migrateUp(sql);
    await sql.close();
  }

  async #makeCluster(initdb: string): Promise<void> {
    if (existsSync(join(this.#data, 'PG_VERSION'))) return;
    const settings = ['--auth', 'trust', '--username', USER, '--no-locale', '--encoding', 'UTF8'];
    const all = ['--pgdata', this.#data, '--no-sync', ...settings];
    await promisify(execFile)(initdb, all, { cwd: this.#directory, ...serverUser() });
  }

  get #data(): string {
    return join(this.#directory, 'data');
  }

  #arguments(): readonly string[] {
    const { durable = false, settings = {} } = this.#options;
    const all: Readonly<Record<string, string>> = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.#directory,
      fsync: durable ? 'on' : 'off',
      full_page_writes: durable ? 'on' : 'off',
      ...settings,
    };
    const pairs = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return ['-D', this.#data, ...pairs];
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client({
      host: this.#directory,
      port: this.port,
      user: USER,
      database: 'postgres',
      connectionTimeoutMillis: START_TIMEOUT_MS,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** While a process ends it can only wait in place; the server writes until it has stopped. */
function removeNow(directory: string): void {
  for (let tries = 0; tries < MOST_REMOVALS && existsSync(directory); tries += 1) {
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  }
}

/**
 * Signals the server's processes, too: each leads a session of its own, so no signal to a group
 * reaches them.
 */
function signalAll(server: ChildProcess | undefined, ...signals: readonly NodeJS.Signals[]): void {
  if (server?.pid === undefined) return;
  const processes = [server.pid, ...childrenOf(server.pid)];
  for (const signal of signals) {
    for (const pid of signal === 'SIGQUIT' ? [server.pid] : processes) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended already.
      }
    }
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
