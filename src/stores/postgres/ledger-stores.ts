import type {
  BudgetLedger,
  Checkpoints,
  Health,
  Lineage,
  UsageSums,
} from '../../decision/ports.ts';
import type { RecordedCalls } from '../../decision/recorded-event.ts';
import type { AuditTrail, PersonStore } from '../../decision/person-store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { GroupCommitSettings } from './group-commit.ts';
import { migrateDown, migrateUp, migrationStatus, type MigrationStatus } from './migrate.ts';
import { PostgresAudit } from './postgres-audit.ts';
import { PostgresCheckpoints } from './postgres-checkpoints.ts';
import { PostgresLedger } from './postgres-ledger.ts';
import { PostgresLineage, type FinishHold } from './postgres-lineage.ts';
import { PostgresPersons } from './postgres-persons.ts';
import { PostgresUsageSums } from './postgres-usage-sums.ts';
import { readRecorded } from './recorded-calls.ts';
import type { SqlClient } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';
import { verifyLedger, type VerifyOptions, type VerifyReport } from './verify.ts';

/**
 * What a program asks of its money store, whichever Postgres is behind it. Nothing here speaks SQL.
 */
export interface LedgerStores {
  readonly ledger: BudgetLedger;
  readonly lineage: Lineage;
  readonly sums: UsageSums;
  readonly checkpoints: Checkpoints;
  readonly persons: PersonStore;
  readonly audit: AuditTrail;
  health(): Promise<Health>;
  /**
   * What all processes that share the store go by: the first proposal under a name. Rejects when
   * the store cannot answer.
   */
  agree(name: string, proposal: string): Promise<string>;
  /** These reject when the store cannot answer: they are for commands, not for decisions. */
  migrateUp(): Promise<readonly number[]>;
  migrateDown(downTo: number): Promise<readonly number[]>;
  migrationStatus(): Promise<MigrationStatus>;
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  readonly recorded: RecordedCalls['recorded'];
  /** Answers what it has taken, then lets go of the store. */
  close(): Promise<void>;
}

const AGREE = sqlFile('agree');

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
    sums: new PostgresUsageSums(sql),
    persons: new PostgresPersons(sql, options.clock),
    audit: new PostgresAudit(sql, groupCommit),
    checkpoints: new PostgresCheckpoints(sql),
    health: () => ledger.health(),
    agree: async (name, proposal) => {
      const [row] = await sql.query<{ value: string }>(AGREE, [name, proposal]);
      if (!row) throw new Error(`nothing is agreed about ${name}`);
      return row.value;
    },
    migrateUp: () => migrateUp(sql),
    migrateDown: (downTo) => migrateDown(sql, downTo),
    migrationStatus: () => migrationStatus(sql),
    verify: (verifyOptions) => verifyLedger(sql, verifyOptions),
    recorded: (range, use) => readRecorded(sql, finishHold, range, use),
    close: async () => {
      await ledger.close();
      await sql.close();
    },
  };
}
