import type { Clock } from '../../lib/clock.ts';
import { GROUP_COMMIT, type GroupCommitSettings } from './group-commit.ts';
import { ledgerStores, type LedgerStores } from './ledger-stores.ts';
import { pgClient } from './pg-client.ts';
import type { FinishHold } from './postgres-lineage.ts';

export interface OpenPostgresOptions {
  /**
   * postgres://user:password@host:port/database; `?host=/folder` for a Unix socket. A pooler in
   * transaction mode may sit in between.
   */
  readonly url: string;
  readonly finishHold: FinishHold;
  /** Connections at most. The ledger needs one per lane and a few for reading. Default 6. */
  readonly poolSize?: number;
  /** Default 1,000. */
  readonly connectTimeoutMs?: number;
  /** Longest statement of the hot path. Default 3,000. */
  readonly statementTimeoutMs?: number;
  readonly groupCommit?: Partial<GroupCommitSettings>;
  readonly clock?: Clock;
  /** Told about connections that break while nobody uses them. Default: nobody is told. */
  readonly onProblem?: (problem: string) => void;
}

/**
 * Opens the money store on a Postgres server. Connects when first asked, so it never fails here.
 */
export function openPostgres(options: OpenPostgresOptions): LedgerStores {
  const sql = pgClient({
    url: options.url,
    poolSize: options.poolSize ?? 6,
    connectTimeoutMs: options.connectTimeoutMs ?? 1_000,
    statementTimeoutMs: options.statementTimeoutMs ?? 3_000,
    onProblem: options.onProblem ?? (() => undefined),
  });
  return ledgerStores(sql, {
    adapter: 'postgres',
    finishHold: options.finishHold,
    groupCommit: { ...GROUP_COMMIT, ...options.groupCommit },
    ...(options.clock && { clock: options.clock }),
  });
}
