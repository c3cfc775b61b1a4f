import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from '../test/support/postgres-server.ts';

const US_PER_TICK = 10_000;

/**
 * User and system time of a Postgres server until now, in microseconds: of its processes and of
 * those that have ended. Fields 14 to 17 of proc(5)'s stat.
 */
export function postgresCpuUs(server: PostgresServer): number {
  const pidFile = readFileSync(join(server.socketDirectory, 'data', 'postmaster.pid'), 'utf8');
  const postmaster = Number(pidFile.split('\n')[0]);
  const ofAll = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(name))
    .filter((stat) => stat?.parent === postmaster)
    .reduce((sum, stat) => sum + (stat?.own ?? 0), 0);
  const own = statOf(String(postmaster));
  return (ofAll + (own?.own ?? 0) + (own?.ended ?? 0)) * US_PER_TICK;
}

interface Stat {
  readonly parent: number;
  /** In ticks of 10 ms. */
  readonly own: number;
  /** Of children that have ended. */
  readonly ended: number;
}

/** Undefined for a process that ended meanwhile. */
function statOf(pid: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const field = (number: number): number => fields[number - 3] ?? 0;
    return { parent: field(4), own: field(14) + field(15), ended: field(16) + field(17) };
  } catch {
    return undefined;
  }
}
