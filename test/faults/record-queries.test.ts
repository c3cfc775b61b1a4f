import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { finishHold } from '../../src/decision/finish.ts';
import { migrateUp } from '../../src/stores/postgres/migrate.ts';
import { pgClient } from '../../src/stores/postgres/pg-client.ts';
import { PostgresLineage } from '../../src/stores/postgres/postgres-lineage.ts';
import type { SqlClient } from '../../src/stores/postgres/sql-client.ts';
import { recordOf } from '../conformance/ledger/requests.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { rowsOf } from '../support/record-rows.ts';

const TIMEOUT_MS = 20_000;
const SHORT_MS = 200;

describe('R55 a query of the record that the database cannot answer in time', () => {
  let postgres: PostgresServer;
  let patient: SqlClient;
  let short: SqlClient;

  beforeAll(async () => {
    postgres = await startPostgres();
    const url = await postgres.createDatabase();
    const connect = (statementTimeoutMs: number) =>
      pgClient({
        ...{ url, poolSize: 2, connectTimeoutMs: TIMEOUT_MS, statementTimeoutMs },
        onProblem: () => undefined,
      });
    [patient, short] = [connect(TIMEOUT_MS), connect(SHORT_MS)];
    await migrateUp(patient);
  });

  afterAll(async () => {
    await patient.close();
    await short.close();
    await postgres[Symbol.asyncDispose]();
  });

  it('is cancelled at the server and told of, and the next one is answered', async () => {
    const record = recordOf('acme');
    const options = { finishHold, deadlineMs: TIMEOUT_MS };
    await new PostgresLineage(patient, options).append(rowsOf(record));
    const lineage = new PostgresLineage(short, options);
    const query = { tenant: 'acme', pageSize: 10 };
    await patient.transaction(
      async (inside) => {
        await inside.script('lock table tollgate.lineage in access exclusive mode');
        expect(await lineage.list(query)).toMatchObject({ kind: 'too_broad' });
        const [row] = await patient.query<{ waiting: number }>(
          `select count(*)::integer as waiting from pg_stat_activity
           where wait_event_type = 'Lock' and datname = current_database()`,
        );
        expect(row?.waiting).toBe(0);
      },
      { timeoutMs: TIMEOUT_MS },
    );
    expect(await lineage.list(query)).toMatchObject({ items: [{ requestId: record.requestId }] });
  });
});
