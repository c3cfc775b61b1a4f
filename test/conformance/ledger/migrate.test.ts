import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { pgliteClient } from '../../../src/stores/embedded/pglite-client.ts';
import {
  migrateDown,
  migrateUp,
  migrationFiles,
  migrationStatus,
  type Migration,
} from '../../../src/stores/postgres/migrate.ts';
import { pgClient } from '../../../src/stores/postgres/pg-client.ts';
import type { SqlClient } from '../../../src/stores/postgres/sql-client.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts';

const files = migrationFiles();
const all = files.map(({ number }) => number);

function fileOf(change: Partial<Migration>): Migration {
  const number = all.length + 1;
  return { number, name: 'next', up: 'select 1', down: 'select 1', checksum: 'c', ...change };
}

/** Everything in the schema, so that "as it was" can be compared. */
async function objectsOf(sql: SqlClient): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(`
    select 'relation ' || c.oid::regclass as name from pg_class c
      where c.relnamespace = 'tollgate'::regnamespace
    union all
    select 'function ' || p.oid::regprocedure from pg_proc p
      where p.pronamespace = 'tollgate'::regnamespace
    union all
    select 'type ' || t.oid::regtype from pg_type t
      where t.typnamespace = 'tollgate'::regnamespace
    order by 1`);
  return rows.map(({ name }) => name);
}

describe.each(['postgres', 'embedded'] as const)('R73 migrations on %s', (name) => {
  let server: PostgresServer | undefined;
  let sql: SqlClient;

  beforeAll(async () => {
    if (name === 'postgres') server = await startPostgres();
  });
  beforeEach(async () => {
    sql = server
      ? clientOf(await server.createDatabase({ migrated: false }))
      : pgliteClient(await PGlite.create());
    return () => sql.close();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  it('up, down and up again leave the same schema, and status says where it stands', async () => {
    expect(await migrationStatus(sql)).toMatchObject({ applied: [], problem: '' });
    expect(await migrateUp(sql)).toEqual(all);
    const schema = await objectsOf(sql);
    const status = await migrationStatus(sql);
    expect(status.applied.map(({ number }) => number)).toEqual(all);
    expect(status.pending).toEqual([]);
    expect(status.applied[0]?.appliedAtMs).toBeGreaterThan(Date.UTC(2024, 0));
    expect(await migrateUp(sql)).toEqual([]);

    expect(await migrateDown(sql, 1)).toEqual(all.slice(1).toReversed());
    expect((await migrationStatus(sql)).pending.map(({ number }) => number)).toEqual(all.slice(1));
    expect(await migrateDown(sql, 0)).toEqual([1]);
    expect((await objectsOf(sql)).filter((object) => !object.includes('schema_migration'))).toEqual(
      [],
    );
    expect(await migrateUp(sql)).toEqual(all);
    expect(await objectsOf(sql)).toEqual(schema);
  });

  it('each one can be taken back alone', async () => {
    await migrateUp(sql);
    for (const number of all.toReversed()) {
      expect(await migrateDown(sql, number - 1)).toEqual([number]);
    }
  });

  it('a migration that fails leaves nothing of itself or of those before it in the same run', async () => {
    const broken = fileOf({ up: 'create table tollgate.half (id integer); select 1 / 0' });
    await expect(migrateUp(sql, [...files, broken])).rejects.toThrow('division by zero');
    expect((await migrationStatus(sql)).applied).toEqual([]);
  });

  it('a database newer than the program is refused, and so is one whose past was changed', async () => {
    await migrateUp(sql, [...files, fileOf({})]);
    await expect(migrateUp(sql)).rejects.toThrow('newer than this program');
    await expect(migrateDown(sql, 0)).rejects.toThrow('newer than this program');
    expect((await migrationStatus(sql)).problem).toContain('newer than this program');
    const changed = [...files, fileOf({ checksum: 'other' })];
    await expect(migrateUp(sql, changed)).rejects.toThrow('changed after it was applied');
  });

  it('started twice at once, each is applied once', async () => {
    const applied = await Promise.all([migrateUp(sql), migrateUp(sql)]);
    expect(applied.flat()).toEqual(all);
  });
});

function clientOf(url: string): SqlClient {
  return pgClient({
    url,
    poolSize: 2,
    connectTimeoutMs: 20_000,
    statementTimeoutMs: 20_000,
    onProblem: () => undefined,
  });
}
