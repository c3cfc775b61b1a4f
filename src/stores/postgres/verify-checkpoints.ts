import type { KeyObject } from 'node:crypto';
import { isSignedBy, keyIdOf, type Checkpoint } from '../../decision/checkpoint.ts';
import type { SealedCheckpoint } from '../../decision/ports.ts';
import { PostgresCheckpoints } from './postgres-checkpoints.ts';
import type { SqlClient } from './sql-client.ts';
import type { Discrepancy } from './discrepancy.ts';

export interface CheckpointCheck {
  /** Absent means all tenants. */
  readonly tenant?: string;
  /** Keys that checkpoints may be signed with. */
  readonly publicKeys?: readonly KeyObject[];
  /** A checkpoint that none of them signed is a discrepancy; otherwise it is counted. */
  readonly onlyTheseKeys?: boolean;
  /** Checkpoints that were kept elsewhere. */
  readonly outside?: readonly Checkpoint[];
}

export interface CheckpointCounts {
  checkpoints: number;
  /** Signed by a key that is not known here: their signatures were not checked. */
  unknownKeys: number;
}

/** Outside copies looked up at once. */
const LOOK_UP = 500;

/** Holds every checkpoint, and those that somebody kept elsewhere, against the chain of now. */
export async function verifyCheckpoints(
  sql: SqlClient,
  check: CheckpointCheck,
  counts: CheckpointCounts,
): Promise<Discrepancy | undefined> {
  const store = new PostgresCheckpoints(sql);
  const keys = new Map((check.publicKeys ?? []).map((key) => [keyIdOf(key), key]));
  const judge = (one: SealedCheckpoint): Discrepancy | undefined => {
    counts.checkpoints += 1;
    if (one.sealed !== one.hash) return differs(one, 'hash', one.hash, one.sealed ?? 'none');
    const key = keys.get(one.keyId);
    if (key) {
      if (isSignedBy(one, key)) return undefined;
      return differs(one, 'signature', `a signature of key ${one.keyId}`, 'none of it');
    }
    counts.unknownKeys += 1;
    if (!check.onlyTheseKeys) return undefined;
    return differs(one, 'key_id', [...keys.keys()].join(' or '), one.keyId);
  };
  for await (const one of store.list(check.tenant)) {
    const found = judge(one);
    if (found) return found;
  }
  const outside = (check.outside ?? []).filter(
    ({ tenant }) => check.tenant === undefined || tenant === check.tenant,
  );
  for (let from = 0; from < outside.length; from += LOOK_UP) {
    const some = outside.slice(from, from + LOOK_UP);
    const sealed = await store.sealedAs(some);
    for (const [index, one] of some.entries()) {
      const found = judge({ ...one, sealed: sealed[index] });
      if (found) return found;
    }
  }
  return undefined;
}

function differs(
  { tenant, batch }: Checkpoint,
  column: string,
  expected: string,
  found: string,
): Discrepancy {
  return { table: 'checkpoint', key: `${tenant}/${batch}`, column, expected, found };
}
