import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import type { PostgresServer } from '../test/support/postgres-server.ts';
import { startRedisServer } from '../test/support/redis-server.ts';

const run = promisify(execFile);

/** A redis-server of the bench, with its CPU. */
export interface BenchRedis extends AsyncDisposable {
  readonly url: string;
  /** Moves it to these cores. */
  pin(cores: string): Promise<void>;
  /** User and system time until now, in microseconds. */
  cpuUs(): Promise<number>;
  empty(): Promise<void>;
}

export async function startRedis(): Promise<BenchRedis> {
  await using opened = new AsyncDisposableStack();
  const { url } = opened.use(await startRedisServer());
  const client = new Redis(url);
  opened.defer(() => client.disconnect());
  const pid = numberIn(await client.info('server'), 'process_id');
  const closing = opened.move();
  return {
    url,
    pin: (cores) => pin(pid, cores),
    cpuUs: async () => {
      const text = await client.info('cpu');
      return (numberIn(text, 'used_cpu_user') + numberIn(text, 'used_cpu_sys')) * 1e6;
    },
    empty: async () => {
      await client.flushall();
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Moves a Postgres with all its processes to these cores; new ones follow. */
export async function pinPostgres(server: PostgresServer, cores: string): Promise<void> {
  const pidFile = readFileSync(join(server.socketDirectory, 'data', 'postmaster.pid'), 'utf8');
  const postmaster = Number(pidFile.split('\n')[0]);
  await pin(postmaster, cores);
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8');
  for (const child of children.split(' ').filter(Boolean)) {
    // It may have ended meanwhile.
    await pin(Number(child), cores).catch(() => undefined);
  }
}

async function pin(pid: number, cores: string): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', cores, String(pid)]);
}

function numberIn(info: string, field: string): number {
  const value = Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(info)?.[1]);
  if (Number.isNaN(value)) throw new Error(`Redis does not say its ${field}`);
  return value;
}
