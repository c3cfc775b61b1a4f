import type { PGlite, PGliteInterface, Transaction } from '@electric-sql/pglite';

import type { SqlClient, SqlValue } from '../postgres/sql-client.ts';

/**
 * The embedded database as a SQL client. It runs one statement at a time, so the timeouts are of no
 * use here.
 */
export function pgliteClient(database: PGlite): SqlClient {
  return {
    query: (text, values = []) => rowsOf(database, text, values),
    script: async (text) => {
      await database.exec(text);
    },
    transaction: (work) => database.transaction((inside) => work(insideOf(inside))),
    close: () => database.close(),
  };
}

function insideOf(transaction: Transaction): SqlClient {
  return {
    query: (text, values = []) => rowsOf(transaction, text, values),
    script: async (text) => {
      await transaction.exec(text);
    },
    transaction: () => Promise.reject(new Error('a transaction is open already')),
    close: () => Promise.resolve(),
  };
}

function asText(value: SqlValue): SqlValue {
  return Buffer.isBuffer(value) ? value.toString() : value;
}

async function rowsOf<Row extends object>(
  database: Pick<PGliteInterface, 'query'> | Transaction,
  text: string,
  values: readonly SqlValue[],
): Promise<readonly Row[]> {
  const result = await database.query<Row>(text, values.map(asText));
  return result.rows;
}
