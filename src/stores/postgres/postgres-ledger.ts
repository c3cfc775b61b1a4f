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
import type { UsageQuery, UsageRow } from '../../decision/usage.ts';
import type { Clock } from '../../lib/clock.ts';
import { sendBatch } from './batch-sending.ts';
import { accountOf } from './account-line.ts';
import {
  decodeAnswers,
  reservationOf,
  type FixedJson,
  type LedgerAnswer,
} from './batch-answers.ts';
import { failureOf, unavailable } from './errors.ts';
import { GROUP_COMMIT, GroupCommit, type GroupCommitSettings } from './group-commit.ts';
import { distinctAccounts, encodeBatch, isPlain, type LedgerOp } from './ledger-batch.ts';
import { SpecTable } from './spec-table.ts';
import { jsonText } from './json-text.ts';
import { answerWithin, type SqlClient, type SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';
import { isUsageToken, usagePage, usageValues, type UsageSqlRow } from './usage.ts';

const APPLY = sqlFile('apply');
const EXPIRE = sqlFile('expire');
const ARCHIVE = sqlFile('archive');
const USAGE = sqlFile('usage');
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
  /** False: no batch takes the short way (tollgate.apply_plain). For tests. Default true. */
  readonly plainBatches?: boolean;
}

interface NotFound {
  readonly kind: 'not_found';
}

interface LookupOp {
  readonly tenant: string;
  readonly reservationId: string;
}

interface ReservationRow {
  readonly n: number;
  readonly fixed: FixedJson;
  readonly stand: string;
  readonly accounts: readonly string[];
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
  readonly #lookups: GroupCommit<LookupOp, Reservation | NotFound>;

  constructor(sql: SqlClient, options: PostgresLedgerOptions) {
    this.#sql = sql;
    this.#options = options;
    const settings = { ...GROUP_COMMIT, ...options.groupCommit };
    this.#deadlineMs = settings.deadlineMs;
    this.#writes = new GroupCommit(settings, (ops) =>
      sendBatch(ops, (some, careful) => this.#apply(some, careful)),
    );
    this.#reads = new GroupCommit(settings, (ops) => sendBatch(ops, (some) => this.#read(some)));
    this.#lookups = new GroupCommit(settings, (ops) =>
      sendBatch(ops, (some) => this.#lookUp(some)),
    );
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

  reservation(
    tenant: string,
    reservationId: string,
  ): Promise<Reservation | NotFound | Unavailable | Overloaded> {
    return this.#lookups.submit({ tenant, reservationId });
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

  async usage(query: UsageQuery): Promise<Page<UsageRow> | Unavailable> {
    if (query.pageToken !== undefined && !isUsageToken(query.pageToken)) {
      return { items: [], nextPageToken: undefined };
    }
    const rows = await this.#ask<UsageSqlRow>(USAGE, usageValues(query));
    return 'kind' in rows ? rows : usagePage(query, rows);
  }

  async expire(most: number): Promise<number | Unavailable> {
    const [answer] = await sendBatch([most], async ([some], careful) => {
      const values = [some ?? 0, careful ? 'careful' : 'whole', this.#moment()];
      const rows = await this.#sql.query<{ count: string }>(EXPIRE, values);
      return [Number(rows[0]?.count)];
    });
    if (answer instanceof Error) throw answer;
    return answer ?? 0;
  }

  async archive(olderThanMs: number, mostBatches: number): Promise<number | Unavailable> {
    const values = [olderThanMs, mostBatches, this.#moment()];
    const rows = await this.#ask<{ moved: number }>(ARCHIVE, values);
    return 'kind' in rows ? rows : (rows[0]?.moved ?? 0);
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
    const queues = [this.#writes, this.#reads, this.#lookups];
    await Promise.all(queues.map((queue) => queue.close()));
  }

  async #apply(ops: readonly LedgerOp[], careful: boolean): Promise<readonly LedgerAnswer[]> {
    const plain = this.#options.plainBatches !== false && isPlain(ops);
    const way = careful ? 'careful' : plain ? 'plain' : 'whole';
    const values = [...encodeBatch(ops), way, this.#moment()];
    const rows = await this.#sql.query<{ answer: string }>(APPLY, values);
    return decodeAnswers(ops, rows[0]?.answer ?? '{"accounts":[],"ops":[]}');
  }

  async #read(ops: readonly ReadOp[]): Promise<readonly (readonly AccountReading[])[]> {
    const specs = new SpecTable();
    const wanted = ops.map((op) => op.accounts.map((spec) => specs.numberOf(op.tenant, spec)));
    const values = [jsonText(specs.toJson()), specs.accountsText(), this.#moment()];
    const rows = await this.#sql.query<{ line: string }>(READ_ACCOUNTS, values);
    const readings = rows.map(({ line }) => accountOf(line));
    return wanted.map((numbers) => numbers.flatMap((number) => readings[number - 1] ?? []));
  }

  async #lookUp(ops: readonly LookupOp[]): Promise<readonly (Reservation | NotFound)[]> {
    const keys = ops.map(({ tenant, reservationId: id }) => ({ tenant, id }));
    const rows = await this.#sql.query<ReservationRow>(RESERVATION, [jsonText(keys)]);
    const found = new Map(rows.map((row) => [row.n, row]));
    return ops.map((_, index) => {
      const row = found.get(index + 1);
      if (!row) return { kind: 'not_found' };
      return reservationOf(row.fixed, row.stand, row.accounts);
    });
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
