import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Who holds a directory. The start time tells a process from a later one that was given the same
 * pid.
 */
interface Holder {
  readonly pid: number;
  /** Clock ticks after boot, where the system tells; otherwise empty. */
  readonly startedAt: string;
}

/** Enough to lose one race against another process that finds the same stale lock. */
const MOST_TRIES = 3;

/**
 * Takes the lock file of a directory that only one process may use. The lock of a dead process is
 * taken over.
 * @returns gives the lock back.
 * @throws Error that names the holder, when it is alive.
 */
export function lockDirectory(directory: string): () => void {
  const path = `${directory}.lock`;
  const mine = `${path}.${process.pid}`;
  const me: Holder = { pid: process.pid, startedAt: startOf(process.pid) };
  writeFileSync(mine, JSON.stringify(me));
  try {
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      if (linked(mine, path)) return () => rmSync(path, { force: true });
      const text = readText(path);
      const holder = parseHolder(text);
      if (holder && isAlive(holder)) throw inUse(directory, path, holder.pid);
      removeStale(path, text);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  throw new Error(
    `${path} could not be taken: other processes are taking it at the same time. Try again.`,
  );
}

function inUse(directory: string, path: string, pid: number): Error {
  return new Error(
    `${directory} is in use by process ${pid}. Stop that process, or give this one a data directory of its own; ` +
      `several processes share one ledger on a Postgres server. (Lock: ${path})`,
  );
}

/** Linking is atomic and fails when the lock is there. */
function linked(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Renames first, so that of several processes one wins; a fresh lock caught by mistake is put back.
 */
function removeStale(path: string, staleText: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readText(aside) !== staleText) linked(aside, path);
  rmSync(aside, { force: true });
}

function isAlive({ pid, startedAt }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  return startOf(pid) === startedAt;
}

/** Field 22 of /proc/<pid>/stat, counted after the command, which may hold spaces and brackets. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, startedAt } = JSON.parse(text) as Partial<Holder>;
    return Number.isInteger(pid) && pid! > 0
      ? { pid: pid!, startedAt: startedAt ?? '' }
      : undefined;
  } catch {
    return undefined;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
