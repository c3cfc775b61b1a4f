import type { BudgetLedger, Health, Lineage } from '../../decision/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import type { GroupCommitSettings } from './group-commit.ts';
import { migrateDown, migrateUp, migrationStatus, type MigrationStatus } from './migrate.ts';
import { PostgresLedger } from './postgres-ledger.ts';
import { PostgresLineage, type FinishHold } from './postgres-lineage.ts';
import type { SqlClient } from './sql-client.ts';
import { verifyLedger, type VerifyOptions, type VerifyReport } from './verify.ts';

/**
 * What a program asks of its money store, whichever Postgres is behind it. Nothing here speaks SQL.
 */
export interface LedgerStores {
  readonly ledger: BudgetLedger;
  readonly lineage: Lineage;
  health(): Promise<Health>;
  /** These four reject when the store cannot answer: they are for commands, not for decisions. */
  migrateUp(): Promise<readonly number[]>;
  migrateDown(downTo: number): Promise<readonly number[]>;
  migrationStatus(): Promise<MigrationStatus>;
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /** Answers what it has taken, then lets go of the store. */
  close(): Promise<void>;
}

export interface LedgerStoresOptions {
  readonly adapter: string;
  readonly finishHold: FinishHold;
  readonly groupCommit: GroupCommitSettings;
  /** For tests and replays; absent means the store's clock, which is the rule. */
  readonly clock?: Clock;
  /** For tests: false keeps every batch off the short way. */
  readonly plainBatches?: boolean;
}

export function ledgerStores(sql: SqlClient, options: LedgerStoresOptions): LedgerStores {
  const ledger = new PostgresLedger(sql, options);
  const { finishHold, groupCommit } = options;
  return {
    ledger,
    lineage: new PostgresLineage(sql, { finishHold, deadlineMs: groupCommit.deadlineMs }),
    health: () => ledger.health(),
    migrateUp: () => migrateUp(sql),
    migrateDown: (downTo) => migrateDown(sql, downTo),
    migrationStatus: () => migrationStatus(sql),
    verify: (verifyOptions) => verifyLedger(sql, verifyOptions),
    close: async () => {
      await ledger.close();
      await sql.close();
    },
  };
}
