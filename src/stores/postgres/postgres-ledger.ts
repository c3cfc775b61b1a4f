import type { AccountReading, AccountSpec } from '../../budgets/account.ts';
import type { ReleaseCommand } from '../../decision/call.ts';
import type {
  AccountQuery,
  BudgetLedger,
  CommitRequest,
  ExtendOutcome,
  ExtendRequest,
  Health,
  HoldOutcome,
  HoldRequest,
  Overloaded,
  RecallOutcome,
  Reservation,
  SettleOutcome,
  Unavailable,
} from '../../decision/ports.ts';
import type { Page } from '../../decision/record.ts';
import type { Clock } from '../../lib/clock.ts';
import { sendBatch } from './batch-sending.ts';
import {
  accountOf,
  distinctAccounts,
  reservationOf,
  type FixedJson,
  type StandJson,
} from './codec.ts';
import { failureOf, unavailable } from './errors.ts';
import { GROUP_COMMIT, GroupCommit, type GroupCommitSettings } from './group-commit.ts';
import {
  decodeAnswers,
  encodeBatch,
  SpecTable,
  type LedgerAnswer,
  type LedgerOp,
} from './ledger-batch.ts';
import { answerWithin, type SqlClient, type SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const APPLY = sqlFile('apply');
const EXPIRE = sqlFile('expire');
const READ_ACCOUNTS = sqlFile('read-accounts');
const LIST_ACCOUNTS = sqlFile('list-accounts');
const RESERVATION = sqlFile('reservation');
const HEALTH = sqlFile('health');

export interface PostgresLedgerOptions {
  /** Name of the adapter in health. */
  readonly adapter: string;
  /** A clock for tests and replays; without it the server's clock decides, which is the rule. */
  readonly clock?: Clock;
  readonly groupCommit?: Partial<GroupCommitSettings>;
}

interface ReadOp {
  readonly tenant: string;
  readonly accounts: readonly AccountSpec[];
}

/**
 * The ledger on Postgres, on a server or embedded: one call of tollgate.budget_apply per batch of
 * operations.
 */
export class PostgresLedger implements BudgetLedger {
  readonly #sql: SqlClient;
  readonly #options: PostgresLedgerOptions;
  readonly #deadlineMs: number;
  readonly #writes: GroupCommit<LedgerOp, LedgerAnswer>;
  readonly #reads: GroupCommit<ReadOp, readonly AccountReading[]>;

  constructor(sql: SqlClient, options: PostgresLedgerOptions) {
    this.#sql = sql;
    this.#options = options;
    const settings = { ...GROUP_COMMIT, ...options.groupCommit };
    this.#deadlineMs = settings.deadlineMs;
    this.#writes = new GroupCommit(settings, (ops) => sendBatch(ops, (some) => this.#apply(some)));
    this.#reads = new GroupCommit(settings, (ops) => sendBatch(ops, (some) => this.#read(some)));
  }

  async hold(request: HoldRequest): Promise<HoldOutcome> {
    distinctAccounts(request);
    return (await this.#writes.submit({ kind: 'hold', request })) as HoldOutcome;
  }

  async recall(tenant: string, requestId: string, fingerprint: string): Promise<RecallOutcome> {
    const request = { tenant, requestId, fingerprint };
    return (await this.#writes.submit({ kind: 'recall', request })) as RecallOutcome;
  }

  async commit(request: CommitRequest): Promise<SettleOutcome> {
    return (await this.#writes.submit({ kind: 'commit', request })) as SettleOutcome;
  }

  async release(request: ReleaseCommand): Promise<SettleOutcome> {
    return (await this.#writes.submit({ kind: 'release', request })) as SettleOutcome;
  }

  async extend(request: ExtendRequest): Promise<ExtendOutcome> {
    return (await this.#writes.submit({ kind: 'extend', request })) as ExtendOutcome;
  }

  read(
    tenant: string,
    accounts: readonly AccountSpec[],
  ): Promise<readonly AccountReading[] | Unavailable | Overloaded> {
    return this.#reads.submit({ tenant, accounts });
  }

  async reservation(
    tenant: string,
    reservationId: string,
  ): Promise<Reservation | { readonly kind: 'not_found' } | Unavailable> {
    const rows = await this.#ask<{ json: string }>(RESERVATION, [tenant, reservationId]);
    if ('kind' in rows) return rows;
    if (!rows[0]) return { kind: 'not_found' };
    const json = JSON.parse(rows[0].json) as FixedJson & StandJson;
    return reservationOf(json, json);
  }

  async accounts(query: AccountQuery): Promise<Page<AccountReading> | Unavailable> {
    const { tenant, budgetId = null, pageSize, pageToken = '' } = query;
    const values = [tenant, budgetId, pageToken, pageSize + 1];
    const rows = await this.#ask<{ id: string; line: string }>(LIST_ACCOUNTS, values);
    if ('kind' in rows) return rows;
    return {
      items: rows.slice(0, pageSize).map(({ line }) => accountOf(line)),
      nextPageToken: rows.length > pageSize ? rows[pageSize - 1]?.id : undefined,
    };
  }

  async expire(most: number): Promise<number | Unavailable> {
    const rows = await this.#ask<{ count: string }>(EXPIRE, [most, this.#moment()]);
    return 'kind' in rows ? rows : Number(rows[0]?.count);
  }

  async health(): Promise<Health> {
    const rows = await this.#ask<{ number: number | null }>(HEALTH, []);
    if ('kind' in rows) return this.#health(rows.problem);
    return this.#health(
      rows[0]?.number ? '' : 'the database is not migrated: run "tollgate migrate up"',
    );
  }

  /** Answers what it has taken, then takes no more. The connection belongs to whoever opened it. */
  async close(): Promise<void> {
    await Promise.all([this.#writes.close(), this.#reads.close()]);
  }

  async #apply(ops: readonly LedgerOp[]): Promise<readonly LedgerAnswer[]> {
    const batch = encodeBatch(ops);
    const rows = await this.#sql.query<{ answer: string }>(APPLY, [batch, this.#moment()]);
    return decodeAnswers(ops, rows[0]?.answer ?? '[]');
  }

  async #read(ops: readonly ReadOp[]): Promise<readonly (readonly AccountReading[])[]> {
    const specs = new SpecTable();
    const wanted = ops.map((op) => op.accounts.map((spec) => specs.indexOf(op.tenant, spec)));
    const values = [JSON.stringify(specs.list), this.#moment()];
    const rows = await this.#sql.query<{ line: string }>(READ_ACCOUNTS, values);
    const readings = rows.map(({ line }) => accountOf(line));
    return wanted.map((indexes) => indexes.flatMap((index) => readings[index] ?? []));
  }

  async #ask<Row extends object>(
    text: string,
    values: readonly SqlValue[],
  ): Promise<readonly Row[] | Unavailable> {
    try {
      return await answerWithin(this.#deadlineMs, this.#sql.query<Row>(text, values));
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw failure.error;
      return unavailable(failure.problem);
    }
  }

  #moment(): string | null {
    const { clock } = this.#options;
    return clock ? new Date(clock.nowMs()).toISOString() : null;
  }

  #health(problem: string): Health {
    return { adapter: this.#options.adapter, healthy: problem === '', problem };
  }
}
