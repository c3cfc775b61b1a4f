import type { ChainHead, Checkpoint } from '../../decision/checkpoint.ts';
import type { Checkpoints, SealedCheckpoint, Unavailable } from '../../decision/ports.ts';
import { failureOf, unavailable } from './errors.ts';
import { jsonText } from './json-text.ts';
import type { SqlClient, SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const UNSIGNED = sqlFile('unsigned-heads');
const KEEP = sqlFile('keep-checkpoints');
const LIST = sqlFile('list-checkpoints');
const SEALED = sqlFile('sealed-as');

/** Checkpoints read at once. */
const PAGE = 1_000;

interface HeadRow {
  readonly tenant: string;
  readonly batch: string;
  readonly hash: string;
}

interface CheckpointRow extends HeadRow {
  readonly signed_at_ms: string;
  readonly key_id: string;
  readonly signature: string;
  readonly sealed: string | null;
}

/** Signed heads of chains on Postgres. */
export class PostgresCheckpoints implements Checkpoints {
  readonly #sql: SqlClient;

  constructor(sql: SqlClient) {
    this.#sql = sql;
  }

  async unsigned(most: number): Promise<readonly ChainHead[] | Unavailable> {
    const rows = await this.#ask<HeadRow>(UNSIGNED, [most]);
    return 'kind' in rows ? rows : rows.map(headOf);
  }

  async keep(checkpoints: readonly Checkpoint[]): Promise<number | Unavailable> {
    const plain = checkpoints.map((one) => ({ ...one, batch: String(one.batch) }));
    const rows = await this.#ask<{ readonly count: number }>(KEEP, [jsonText(plain)]);
    return 'kind' in rows ? rows : (rows[0]?.count ?? 0);
  }

  async *list(tenant?: string): AsyncGenerator<SealedCheckpoint> {
    let after: readonly [string, string] = ['', '0'];
    for (;;) {
      const values = [tenant ?? null, ...after, PAGE];
      const rows = await this.#sql.query<CheckpointRow>(LIST, values);
      for (const row of rows) yield checkpointOf(row);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = [last.tenant, last.batch];
    }
  }

  async sealedAs(heads: readonly ChainHead[]): Promise<readonly (string | undefined)[]> {
    const asked = heads.map(({ tenant, batch }) => ({ tenant, batch: String(batch) }));
    const rows = await this.#sql.query<Pick<CheckpointRow, 'sealed'>>(SEALED, [jsonText(asked)]);
    return rows.map(({ sealed }) => sealed ?? undefined);
  }

  async #ask<Row extends object>(
    text: string,
    values: readonly SqlValue[],
  ): Promise<readonly Row[] | Unavailable> {
    try {
      return await this.#sql.query<Row>(text, values);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw failure.error;
      return unavailable(failure.problem);
    }
  }
}

function headOf({ tenant, batch, hash }: HeadRow): ChainHead {
  return { tenant, batch: BigInt(batch), hash };
}

function checkpointOf(row: CheckpointRow): SealedCheckpoint {
  const { signed_at_ms: signedAtMs, key_id: keyId, signature, sealed } = row;
  return {
    ...headOf(row),
    signedAtMs: Number(signedAtMs),
    keyId,
    signature,
    sealed: sealed ?? undefined,
  };
}
