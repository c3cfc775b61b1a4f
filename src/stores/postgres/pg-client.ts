import pg from 'pg';

import { breaksConnection } from './errors.ts';
import type { SqlClient, SqlValue } from './sql-client.ts';

export interface PgClientOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  /**
   * Longest statement outside of `transaction`; the server cancels it and, a little later, the
   * client gives up.
   */
  readonly statementTimeoutMs: number;
  /**
   * Ask the server for the statement timeout when connecting. Off behind a pooler that refuses
   * settings in the startup packet; the client's own timeout stays.
   */
  readonly sendStatementTimeout: boolean;
  /** Told about connections that break while nobody uses them. */
  readonly onProblem: (problem: string) => void;
}

/** Longer than the server's, so that the server's answer, which is certain, comes first. */
const CLIENT_GRACE_MS = 500;
/** Connections above the busy ones are given back after this long. */
const IDLE_MS = 30_000;

/**
 * A pool that connects when first asked: it can be made while the server is down, and recovers by
 * itself.
 */
export function pgClient(options: PgClientOptions): SqlClient {
  const { statementTimeoutMs } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: statementTimeoutMs + CLIENT_GRACE_MS,
    ...(options.sendStatementTimeout && { statement_timeout: statementTimeoutMs }),
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    application_name: 'tollgate',
  });
  pool.on('error', (error) => options.onProblem(`an idle connection broke: ${error.message}`));
  // The pool listens only to idle connections; one that breaks between two statements would end the
  // process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    query: (text, values = []) => onConnection(pool, (client) => rowsOf(client, text, values)),
    script: (text) =>
      onConnection(pool, async (client) => {
        await client.query(text);
      }),
    transaction: (work, { timeoutMs }) =>
      onConnection(pool, (client) => inTransaction(client, timeoutMs, work)),
    close: () => pool.end(),
  };
}

/** A connection that may be in an unknown state is closed rather than given back. */
async function onConnection<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    const result = await work(client);
    broken = false;
    return result;
  } catch (error) {
    broken = breaksConnection(error);
    throw error;
  } finally {
    client.release(broken);
  }
}

async function rowsOf<Row extends object>(
  client: pg.PoolClient,
  text: string,
  values: readonly SqlValue[],
  timeoutMs?: number,
): Promise<readonly Row[]> {
  const query = {
    text,
    values: [...values],
    ...(timeoutMs !== undefined && { query_timeout: timeoutMs }),
  };
  const result = await client.query<Row>(query);
  return result.rows;
}

async function inTransaction<T>(
  client: pg.PoolClient,
  timeoutMs: number,
  work: (sql: SqlClient) => Promise<T>,
): Promise<T> {
  const inside: SqlClient = {
    query: (text, values = []) => rowsOf(client, text, values, timeoutMs + CLIENT_GRACE_MS),
    script: async (text) => {
      await rowsOf(client, text, [], timeoutMs + CLIENT_GRACE_MS);
    },
    transaction: () => Promise.reject(new Error('a transaction is open already')),
    close: () => Promise.resolve(),
  };
  await client.query('begin');
  try {
    await client.query(`set local statement_timeout = ${timeoutMs}`);
    const result = await work(inside);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
