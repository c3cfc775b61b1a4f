/** Bytes are a text in UTF-8 that is sent as it is. */
export type SqlValue = string | number | boolean | null | Buffer;

/**
 * The little of a Postgres that the ledger needs: a pool of connections to a server, or an embedded
 * one. Statements are unnamed and leave no session state, so that any pooler may sit in between.
 * Rejects with the driver's error.
 */
export interface SqlClient {
  /** Runs one statement with $1 … $n in a transaction of its own. */
  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Runs several statements without parameters. */
  script(text: string): Promise<void>;
  /**
   * Runs `work` in one transaction, rolled back when it rejects. For what lasts: statements in it
   * have `timeoutMs`, not the short limits of the hot path.
   */
  transaction<T>(
    work: (sql: SqlClient) => Promise<T>,
    options: { readonly timeoutMs: number },
  ): Promise<T>;
  close(): Promise<void>;
}

/** Rejects when the promise has not settled in time; what it was waiting for may still happen. */
export async function answerWithin<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
