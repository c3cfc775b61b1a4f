import { PGlite } from '@electric-sql/pglite';

import { ManualClock } from '../../../src/lib/clock.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { pgliteClient } from '../../../src/stores/embedded/pglite-client.ts';
import { GROUP_COMMIT } from '../../../src/stores/postgres/group-commit.ts';
import { ledgerStores, type LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import { migrateUp } from '../../../src/stores/postgres/migrate.ts';
import { pgClient } from '../../../src/stores/postgres/pg-client.ts';
import type { SqlClient } from '../../../src/stores/postgres/sql-client.ts';
import { startPgBouncer } from '../../support/pgbouncer-server.ts';
import { startPostgres, type PostgresOptions } from '../../support/postgres-server.ts';
import { finishHold, START_MS } from './requests.ts';

/**
 * These tests are about answers, not about their speed: a busy machine must not turn one into
 * `unavailable`.
 */
const DEADLINE_MS = 20_000;

export interface OpenOptions {
  readonly clock?: Clock | 'server';
  readonly lanes?: number;
  /** False: no batch takes the short way. */
  readonly plainBatches?: boolean;
}

/** A migrated database of its own. */
export interface LedgerFixture extends AsyncDisposable {
  /** Past the ledger: to look at rows and to damage them. */
  readonly sql: SqlClient;
  readonly clock: ManualClock;
  /**
   * A ledger on the database, as another process would open it. On the fixture's clock unless told
   * otherwise.
   */
  open(options?: OpenOptions): LedgerStores;
}

export async function postgresFixture(options: PostgresOptions = {}): Promise<LedgerFixture> {
  const server = await startPostgres(options);
  const url = await server.createDatabase();
  return pooled(url, url, () => server[Symbol.asyncDispose]());
}

/**
 * Through PgBouncer in transaction mode, with fewer connections than the ledgers want, each wiped
 * after every transaction: whatever relied on the state of a session would not find it.
 */
export async function pgbouncerFixture(): Promise<LedgerFixture> {
  const server = await startPostgres();
  const bouncer = await startPgBouncer(server, {
    settings: { server_reset_query: 'DISCARD ALL', server_reset_query_always: '1' },
  });
  const url = await server.createDatabase();
  return pooled(bouncer.urlOf(url), url, async () => {
    await bouncer[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
}

/** @param direct where rows are looked at and damaged. */
function pooled(url: string, direct: string, dispose: () => Promise<void>): LedgerFixture {
  const clients: SqlClient[] = [];
  const connect = (to: string): SqlClient => {
    const client = pgClient({
      url: to,
      poolSize: 4,
      connectTimeoutMs: DEADLINE_MS,
      statementTimeoutMs: DEADLINE_MS,
      onProblem: () => undefined,
    });
    clients.push(client);
    return client;
  };
  return fixture(
    connect(direct),
    () => connect(url),
    async () => {
      await Promise.all(clients.map((client) => client.close()));
      await dispose();
    },
  );
}

/** In memory: what the directory adds is tested where it matters, with the faults. */
export async function embeddedFixture(): Promise<LedgerFixture> {
  const database = await PGlite.create();
  const client = pgliteClient(database);
  await migrateUp(client);
  return fixture(
    client,
    () => client,
    () => database.close(),
  );
}

function fixture(
  sql: SqlClient,
  connect: () => SqlClient,
  dispose: () => Promise<void>,
): LedgerFixture {
  const clock = new ManualClock(START_MS);
  return {
    sql,
    clock,
    open: ({ clock: other = clock, lanes = GROUP_COMMIT.lanes, plainBatches = true } = {}) =>
      ledgerStores(connect(), {
        adapter: 'test',
        finishHold,
        plainBatches,
        groupCommit: { ...GROUP_COMMIT, lanes, deadlineMs: DEADLINE_MS },
        ...(other !== 'server' && { clock: other }),
      }),
    [Symbol.asyncDispose]: dispose,
  };
}
