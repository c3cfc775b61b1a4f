import pg from 'pg';

import type { SqlValue } from './sql-client.ts';

/**
 * Finds nothing, and bounds what follows in the same transaction. Unlike `set local` it is silent
 * outside of a transaction that was begun by name.
 */
const BOUND = `select where set_config('statement_timeout', $1, true) is null`;

/**
 * Runs one statement that the server cancels after `timeoutMs`. The bound travels with the
 * statement: both are sent together and end in one Sync, so they are one exchange and one
 * transaction, on whichever connection a pooler chooses, and nothing of it is left there.
 */
export async function timedQuery<Row extends object>(
  client: pg.ClientBase,
  text: string,
  values: readonly SqlValue[],
  timeoutMs: number,
): Promise<readonly Row[]> {
  const results = await new Promise<readonly pg.QueryResult<Row>[]>((resolve, reject) => {
    const config = { text, values: [...values], queryMode: 'extended' };
    const query = new pg.Query<Row>(config, (error, found) =>
      // pg answers one that sends two statements with a list, as it does for a script.
      error ? reject(error) : resolve(found as unknown as readonly pg.QueryResult<Row>[]),
    );
    const submit = query.submit.bind(query);
    query.submit = (connection) => {
      connection.stream.cork();
      connection.parse({ name: '', text: BOUND, types: [] }, true);
      connection.bind({ values: [String(timeoutMs)] }, true);
      connection.execute({ portal: '' }, true);
      submit(connection);
      connection.stream.uncork();
    };
    client.query(query);
  });
  return results.at(-1)?.rows ?? [];
}
