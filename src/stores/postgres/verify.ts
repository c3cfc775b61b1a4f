import type { Discrepancy } from './discrepancy.ts';
import type { SqlClient } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';
import { verifyCheckpoints, type CheckpointCheck } from './verify-checkpoints.ts';

/** What was looked at. */
export interface VerifyCounts {
  readonly batches: number;
  readonly entries: number;
  readonly reservations: number;
  readonly accounts: number;
  /** Thresholds and overruns that were told. */
  readonly alerts: number;
  /** Accounts that carry from an earlier period. */
  readonly carries: number;
  /** Records of decisions in the chain. */
  readonly records: number;
  /** Sums of usage by hour and by day. */
  readonly sums: number;
  /** Signed heads of the chain, those from outside included. */
  readonly checkpoints: number;
  /** Of these, signed by a key that is not known here: their signatures were not checked. */
  readonly unknownKeys: number;
}

export type VerifyReport =
  | ({ readonly kind: 'ok' } & VerifyCounts)
  | { readonly kind: 'discrepancy'; readonly discrepancy: Discrepancy };

export interface VerifyOptions extends CheckpointCheck {
  /**
   * Only batches since then, what was held since and accounts that were touched since, starting
   * from the lines that the first of these batches keeps. Absent means all.
   */
  readonly sinceMs?: number;
  /** Told what was looked at so far, while it lasts. */
  readonly onProgress?: (counts: VerifyCounts) => void;
}

interface CheckRow {
  readonly checked: string;
  /** Discrepancy as JSON, the first that was found. */
  readonly first: string | null;
}

interface ChainRow extends CheckRow {
  readonly entries: string;
  readonly records: string;
  readonly last_tenant: string | null;
  readonly last_id: string | null;
}

/** Batches looked at in one statement: bounds what is read at once, and tells of progress. */
const PAGE = 500;
/** For one statement; recomputing the accounts reads all entries of a tenant. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

const CHAIN = sqlFile('verify-chain');
const HEADS = sqlFile('verify-heads');
/** One statement each; the server sums on disk what does not fit into its memory. */
const WHOLE_CHECKS = [
  ['reservations', sqlFile('verify-reservations')],
  ['accounts', sqlFile('verify-accounts')],
  ['carries', sqlFile('verify-carries')],
  ['alerts', sqlFile('verify-alerts')],
  [undefined, sqlFile('verify-lineage')],
  ['sums', sqlFile('verify-usage')],
] as const;

type Counts = { -readonly [Part in keyof VerifyCounts]: number };

/**
 * Recomputes the books from the entries: the chain over every batch, every reservation from its
 * history, every account's balance, what was carried over and what was told, every sum of usage.
 * Reads one snapshot, so that it can run while calls are being decided; memory stays bounded on
 * both sides. Rejects when the database cannot answer.
 */
export function verifyLedger(sql: SqlClient, options: VerifyOptions = {}): Promise<VerifyReport> {
  return sql.transaction(
    async (inside) => {
      await inside.script('set transaction isolation level repeatable read, read only');
      const counts: Counts = {
        batches: 0,
        entries: 0,
        reservations: 0,
        accounts: 0,
        alerts: 0,
        carries: 0,
        records: 0,
        sums: 0,
        checkpoints: 0,
        unknownKeys: 0,
      };
      const broken = await verifyChain(inside, options, counts);
      if (broken) return broken;
      for (const [part, text] of WHOLE_CHECKS) {
        const [row] = await inside.query<CheckRow>(text, scope(options));
        if (row?.first) return discrepancyIn(row.first);
        if (part) counts[part] = Number(row?.checked);
        options.onProgress?.(counts);
      }
      const forged = await verifyCheckpoints(inside, options, counts);
      if (forged) return { kind: 'discrepancy', discrepancy: forged };
      return { kind: 'ok', ...counts };
    },
    { timeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

/** Each page begins after the last batch of the one before, so the loop ends with the table. */
async function verifyChain(
  sql: SqlClient,
  options: VerifyOptions,
  counts: Counts,
): Promise<VerifyReport | undefined> {
  let after: readonly [string, string] = ['', '0'];
  for (;;) {
    const [page] = await sql.query<ChainRow>(CHAIN, [...scope(options), ...after, PAGE]);
    if (page?.first) return discrepancyIn(page.first);
    counts.batches += Number(page?.checked ?? 0);
    counts.entries += Number(page?.entries ?? 0);
    counts.records += Number(page?.records ?? 0);
    options.onProgress?.(counts);
    const { last_tenant, last_id } = page ?? { last_tenant: null, last_id: null };
    if (last_tenant === null || last_id === null) break;
    after = [last_tenant, last_id];
  }
  const [heads] = await sql.query<CheckRow>(HEADS, scope(options));
  return heads?.first ? discrepancyIn(heads.first) : undefined;
}

function scope({ tenant, sinceMs }: VerifyOptions): [string | null, number | null] {
  return [tenant ?? null, sinceMs ?? null];
}

function discrepancyIn(json: string): VerifyReport {
  return { kind: 'discrepancy', discrepancy: JSON.parse(json) as Discrepancy };
}
