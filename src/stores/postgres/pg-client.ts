import pg from 'pg';

import { breaksConnection } from './errors.ts';
import type { SqlClient, SqlValue } from './sql-client.ts';
import { timedQuery } from './timed-query.ts';

export interface PgClientOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  /**
   * Longest statement outside of `transaction`; the server cancels it and, a little later, the
   * client gives up. It is sent with each statement and never when connecting, because a pooler
   * refuses a setting there, or takes it and drops it.
   */
  readonly statementTimeoutMs: number;
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
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    application_name: 'tollgate',
  });
  pool.on('error', (error) => options.onProblem(`an idle connection broke: ${error.message}`));
  // The pool listens only to idle connections; one that breaks between two statements would end the
  // process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    query: (text, values = []) =>
      onConnection(pool, (client) => timedQuery(client, text, values, statementTimeoutMs)),
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

async function inTransaction<T>(
  client: pg.PoolClient,
  timeoutMs: number,
  work: (sql: SqlClient) => Promise<T>,
): Promise<T> {
  const ask = async <Row extends object>(text: string, values: readonly SqlValue[] = []) => {
    const query = { text, values: [...values], query_timeout: timeoutMs + CLIENT_GRACE_MS };
    return (await client.query<Row>(query)).rows;
  };
  const inside: SqlClient = {
    query: ask,
    script: async (text) => {
      await ask(text);
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
