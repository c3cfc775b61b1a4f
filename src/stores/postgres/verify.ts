import type { SqlClient } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

/** The first place where the books do not agree. */
export interface Discrepancy {
  readonly table: 'account' | 'reservation' | 'request' | 'entry';
  /** Tenant and id of the row, for example "acme/res_1". */
  readonly key: string;
  readonly column: string;
  /** By the entries. */
  readonly expected: string;
  /** In the row. */
  readonly found: string;
}

export type VerifyReport =
  | {
      readonly kind: 'ok';
      readonly accounts: number;
      readonly reservations: number;
      readonly requests: number;
      readonly entries: number;
    }
  | { readonly kind: 'discrepancy'; readonly discrepancy: Discrepancy };

export interface VerifyOptions {
  /** Absent means all tenants. */
  readonly tenant?: string;
  /**
   * Only what was made since then, and only accounts whose period has not ended by then. Absent
   * means all.
   */
  readonly sinceMs?: number;
}

interface CheckRow {
  readonly checked: string;
  readonly last_tenant: string | null;
  readonly last_id: string | null;
  /** Discrepancy as JSON, the first of the page. */
  readonly first: string | null;
}

/**
 * Rows looked at in one statement: bounds what the server sorts at once, and keeps each statement
 * short.
 */
const PAGE = 2_000;
/** For one statement; recomputing the accounts reads all entries of a tenant. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

const PAGED_CHECKS = {
  reservations: sqlFile('verify-reservations'),
  entries: sqlFile('verify-entries'),
  requests: sqlFile('verify-requests'),
} as const;
const ACCOUNTS = sqlFile('verify-accounts');

/**
 * Recomputes the books from the entries: every account's held and committed, every reservation, and
 * that every request that moved money has its entry. Reads one snapshot, so that it can run while
 * calls are being decided; memory stays bounded on both sides. Rejects when the database cannot
 * answer.
 */
export function verifyLedger(sql: SqlClient, options: VerifyOptions = {}): Promise<VerifyReport> {
  return sql.transaction(
    async (inside) => {
      await inside.script('set transaction isolation level repeatable read, read only');
      const counts = { accounts: 0, reservations: 0, entries: 0, requests: 0 };
      for (const part of ['reservations', 'entries', 'requests'] as const) {
        const checked = await inPages(inside, PAGED_CHECKS[part], options);
        if (typeof checked !== 'number') return { kind: 'discrepancy', discrepancy: checked };
        counts[part] = checked;
      }
      const [accounts] = await inside.query<CheckRow>(ACCOUNTS, scope(options));
      if (accounts?.first) return discrepancyIn(accounts.first);
      return { kind: 'ok', ...counts, accounts: Number(accounts?.checked) };
    },
    { timeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

/** Each page begins after the last key of the one before, so the loop ends with the table. */
async function inPages(
  sql: SqlClient,
  text: string,
  options: VerifyOptions,
): Promise<number | Discrepancy> {
  let checked = 0;
  let after: readonly [string, string] = ['', ''];
  for (;;) {
    const [page] = await sql.query<CheckRow>(text, [...scope(options), ...after, PAGE]);
    if (page?.first) return JSON.parse(page.first) as Discrepancy;
    checked += Number(page?.checked ?? 0);
    const { last_tenant, last_id } = page ?? { last_tenant: null, last_id: null };
    if (last_tenant === null || last_id === null) return checked;
    after = [last_tenant, last_id];
  }
}

function scope({ tenant, sinceMs }: VerifyOptions): [string | null, number | null] {
  return [tenant ?? null, sinceMs ?? null];
}

function discrepancyIn(json: string): VerifyReport {
  return { kind: 'discrepancy', discrepancy: JSON.parse(json) as Discrepancy };
}
