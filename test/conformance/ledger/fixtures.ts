import { PGlite } from '@electric-sql/pglite';

import { ManualClock } from '../../../src/lib/clock.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { pgliteClient } from '../../../src/stores/embedded/pglite-client.ts';
import { GROUP_COMMIT } from '../../../src/stores/postgres/group-commit.ts';
import { ledgerStores, type LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import { migrateUp } from '../../../src/stores/postgres/migrate.ts';
import { pgClient } from '../../../src/stores/postgres/pg-client.ts';
import type { SqlClient } from '../../../src/stores/postgres/sql-client.ts';
import { startPostgres } from '../../support/postgres-server.ts';
import { finishHold, START_MS } from './requests.ts';

/**
 * These tests are about answers, not about their speed: a busy machine must not turn one into
 * `unavailable`.
 */
const DEADLINE_MS = 20_000;

/** A migrated database of its own. */
export interface LedgerFixture extends AsyncDisposable {
  /** Past the ledger: to look at rows and to damage them. */
  readonly sql: SqlClient;
  readonly clock: ManualClock;
  /**
   * A ledger on the database, as another process would open it. On the fixture's clock unless told
   * otherwise.
   */
  open(options?: { readonly clock?: Clock | 'server'; readonly lanes?: number }): LedgerStores;
}

export async function postgresFixture(): Promise<LedgerFixture> {
  const server = await startPostgres();
  const url = await server.createDatabase();
  const clients: SqlClient[] = [];
  const connect = (): SqlClient => {
    const client = pgClient({
      url,
      poolSize: 4,
      connectTimeoutMs: DEADLINE_MS,
      statementTimeoutMs: DEADLINE_MS,
      sendStatementTimeout: true,
      onProblem: () => undefined,
    });
    clients.push(client);
    return client;
  };
  return fixture(connect, async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server[Symbol.asyncDispose]();
  });
}

/** In memory: what the directory adds is tested where it matters, with the faults. */
export async function embeddedFixture(): Promise<LedgerFixture> {
  const database = await PGlite.create();
  const client = pgliteClient(database);
  await migrateUp(client);
  return fixture(
    () => client,
    () => database.close(),
  );
}

function fixture(connect: () => SqlClient, dispose: () => Promise<void>): LedgerFixture {
  const clock = new ManualClock(START_MS);
  return {
    sql: connect(),
    clock,
    open: ({ clock: other = clock, lanes = GROUP_COMMIT.lanes } = {}) =>
      ledgerStores(connect(), {
        adapter: 'test',
        finishHold,
        groupCommit: { ...GROUP_COMMIT, lanes, deadlineMs: DEADLINE_MS },
        ...(other !== 'server' && { clock: other }),
      }),
    [Symbol.asyncDispose]: dispose,
  };
}
