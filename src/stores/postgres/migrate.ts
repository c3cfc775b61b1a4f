import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

import type { SqlClient } from './sql-client.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 over `up`: a migration that was applied never changes. */
  readonly checksum: string;
}

export interface MigrationStatus {
  readonly applied: readonly {
    readonly number: number;
    readonly name: string;
    readonly appliedAtMs: number;
  }[];
  readonly pending: readonly { readonly number: number; readonly name: string }[];
  /** Why the database and the program do not belong together; empty when they do. */
  readonly problem: string;
}

interface AppliedRow {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly applied_at_ms: string;
}

/**
 * Any number that nothing else takes as an advisory lock: "tollgate" in the alphabet of telephone
 * keys.
 */
const LOCK = 86_554_283;
/**
 * Rebuilding a large table takes long; waiting for another program's migration may take as long.
 */
const MIGRATION_TIMEOUT_MS = 30 * 60_000;

const BOOTSTRAP = `
  create schema if not exists tollgate;
  create table if not exists tollgate.schema_migration (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp()
  );`;

const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.up\.sql$/;

/** The migrations that belong to this program, in order; each file has its way back. */
export function migrationFiles(
  folder: URL = new URL('./migrations/', import.meta.url),
): readonly Migration[] {
  const files = readdirSync(folder).filter((file) => FILE_NAME.test(file));
  return files.sort().map((file) => {
    const [, number = '', name = ''] = FILE_NAME.exec(file) ?? [];
    const up = readFileSync(new URL(file, folder), 'utf8');
    const down = readFileSync(new URL(`${number}-${name}.down.sql`, folder), 'utf8');
    const checksum = createHash('sha256').update(up).digest('hex');
    return { number: Number(number), name, up, down, checksum };
  });
}

/**
 * Applies what is pending, all of it or none. Safe to run from several programs at once: they
 * queue.
 * @returns the numbers applied now. Rejects when the database does not belong to this program.
 */
export function migrateUp(
  sql: SqlClient,
  migrations: readonly Migration[] = migrationFiles(),
): Promise<readonly number[]> {
  return exclusively(sql, async (inside) => {
    await inside.script(BOOTSTRAP);
    const applied = await appliedOf(inside);
    refuseStranger(applied, migrations);
    const pending = migrations.slice(applied.length);
    for (const { number, name, up, checksum } of pending) {
      await inside.script(up);
      await inside.query(
        'insert into tollgate.schema_migration (number, name, checksum) values ($1, $2, $3)',
        [number, name, checksum],
      );
    }
    return pending.map(({ number }) => number);
  });
}

/**
 * Takes back every migration after `downTo`, newest first, all of it or none; 0 takes back all.
 * Their data is lost.
 * @returns the numbers taken back.
 */
export function migrateDown(
  sql: SqlClient,
  downTo: number,
  migrations: readonly Migration[] = migrationFiles(),
): Promise<readonly number[]> {
  return exclusively(sql, async (inside) => {
    await inside.script(BOOTSTRAP);
    const applied = await appliedOf(inside);
    refuseStranger(applied, migrations);
    const leaving = migrations.slice(0, applied.length).filter(({ number }) => number > downTo);
    for (const { number, down } of leaving.toReversed()) {
      await inside.script(down);
      await inside.query('delete from tollgate.schema_migration where number = $1', [number]);
    }
    return leaving.map(({ number }) => number).toReversed();
  });
}

/** Reads only; a database that was never migrated has everything pending. */
export async function migrationStatus(
  sql: SqlClient,
  migrations: readonly Migration[] = migrationFiles(),
): Promise<MigrationStatus> {
  const [there] = await sql.query<{ there: boolean }>(
    `select to_regclass('tollgate.schema_migration') is not null as there`,
  );
  const applied = there?.there ? await appliedOf(sql) : [];
  return {
    applied: applied.map((row) => ({
      number: row.number,
      name: row.name,
      appliedAtMs: Number(row.applied_at_ms),
    })),
    pending: migrations.slice(applied.length).map(({ number, name }) => ({ number, name })),
    problem: problemOf(applied, migrations),
  };
}

function appliedOf(sql: SqlClient): Promise<readonly AppliedRow[]> {
  return sql.query<AppliedRow>(`
    select number, name, checksum,
      (extract(epoch from applied_at) * 1000)::bigint::text as applied_at_ms
    from tollgate.schema_migration order by number`);
}

function exclusively<T>(sql: SqlClient, work: (inside: SqlClient) => Promise<T>): Promise<T> {
  return sql.transaction(
    async (inside) => {
      await inside.script(`select pg_advisory_xact_lock(${LOCK})`);
      return work(inside);
    },
    { timeoutMs: MIGRATION_TIMEOUT_MS },
  );
}

function refuseStranger(applied: readonly AppliedRow[], migrations: readonly Migration[]): void {
  const problem = problemOf(applied, migrations);
  if (problem !== '') throw new Error(problem);
}

/** What is applied has to be the beginning of what the program knows, unchanged. */
function problemOf(applied: readonly AppliedRow[], migrations: readonly Migration[]): string {
  for (const [index, row] of applied.entries()) {
    const known = migrations[index];
    const label = `migration ${String(row.number).padStart(4, '0')}-${row.name}`;
    if (!known)
      return `the database is newer than this program: it has ${label}; use a newer program`;
    if (known.number !== row.number)
      return `the database has ${label}, which this program does not know`;
    if (known.checksum !== row.checksum) return `${label} was changed after it was applied`;
  }
  return '';
}
