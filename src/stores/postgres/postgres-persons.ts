import { decodeAuditEvent, type AuditEvent } from '../../decision/audit-event.ts';
import type {
  Erased,
  ErasureOrder,
  PersonKey,
  PersonPageQuery,
  PersonStore,
  SealedPage,
  SealedRecord,
} from '../../decision/person-store.ts';
import type { Unavailable } from '../../decision/ports.ts';
import { decodeRecord } from '../../decision/record-codec.ts';
import { auditRow } from '../../decision/record-row.ts';
import type { Clock } from '../../lib/clock.ts';
import { failureOf, unavailable } from './errors.ts';
import { settlementOf } from './postgres-lineage.ts';
import { placeOf } from './record-statement.ts';
import type { SqlClient } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const ERASE = sqlFile('erase-person');
const RECORDS = sqlFile('person-records');
const COUNT_USER = sqlFile('count-user');
const GET_EVENT = sqlFile('get-audit-event');
const APPEND = sqlFile('append-lineage');

/** Beside the decisions, so longer than theirs: a person may have a million records. */
const TIMEOUT_MS = 60_000;

interface EventRow {
  readonly detail: string;
}

interface SealedRow {
  readonly decision_id: string;
  readonly decided_at_ms: string;
  readonly operation: SealedRecord['operation'];
  readonly effect: SealedRecord['effect'];
  /** A JSON list. */
  readonly reason_codes: string;
  readonly detail: string;
  readonly settlement: string | null;
  readonly key_id: string;
  readonly sealed: string;
  readonly wrapped: string;
}

/** Persons on Postgres, on a server or embedded. */
export class PostgresPersons implements PersonStore {
  readonly #sql: SqlClient;
  readonly #clock: Clock | undefined;

  /** @param clock absent means the server's. */
  constructor(sql: SqlClient, clock: Clock | undefined) {
    this.#sql = sql;
    this.#clock = clock;
  }

  erase(
    order: ErasureOrder,
    event: Parameters<PersonStore['erase']>[1],
  ): ReturnType<PersonStore['erase']> {
    return this.#inOne(async (sql) => {
      const earlier = await erasureUnder(sql, order);
      if (earlier) return earlier;
      const told = event(await this.#erased(sql, order));
      if (await appended(sql, told)) return told;
      // Another try of the same request came first, and has erased.
      return (await erasureUnder(sql, order)) ?? told;
    });
  }

  async #erased(sql: SqlClient, order: ErasureOrder): Promise<Erased> {
    const { tenant, emailIndex, userIndex } = order;
    const moment = this.#clock && new Date(this.#clock.nowMs()).toISOString();
    const values = [tenant, emailIndex, userIndex, moment ?? null];
    const [row] = await sql.query<{ records: number; keys: number }>(ERASE, values);
    const recordsWithUser = await countUser(sql, order);
    return { records: row?.records ?? 0, keys: row?.keys ?? 0, recordsWithUser };
  }

  records(
    query: PersonPageQuery,
    event: Parameters<PersonStore['records']>[1],
  ): Promise<SealedPage | Unavailable> {
    return this.#inOne(async (sql) => {
      const { tenant, emailIndex, userIndex, pageSize, pageToken } = query;
      const rows = await sql.query<SealedRow>(RECORDS, [
        ...[tenant, emailIndex, userIndex, ...placeOf(pageToken), pageSize + 1],
      ]);
      const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
      const items = rows.slice(0, pageSize).map(recordOf);
      const recordsWithUser = await countUser(sql, query);
      await appended(sql, event(items.length));
      const nextPageToken = last && `${last.decided_at_ms}.${last.decision_id}`;
      return { items, nextPageToken, recordsWithUser };
    });
  }

  async #inOne<T>(work: (sql: SqlClient) => Promise<T>): Promise<T | Unavailable> {
    try {
      return await this.#sql.transaction(work, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw failure.error;
      return unavailable(failure.problem);
    }
  }
}

/** What an earlier try of the request did; conflict when it was about somebody else. */
async function erasureUnder(sql: SqlClient, order: ErasureOrder) {
  const [row] = await sql.query<EventRow>(GET_EVENT, [order.tenant, order.eventId]);
  if (!row) return undefined;
  const told = decodeAuditEvent(row.detail);
  const ours = told.event === 'external_agent.personal_data_erased';
  return ours && told.subject === order.subject ? told : ({ kind: 'conflict' } as const);
}

/** False when the event was there already. */
async function appended(sql: SqlClient, event: AuditEvent): Promise<boolean> {
  const [row] = await sql.query<{ append_records: number }>(APPEND, [Buffer.from(auditRow(event))]);
  return row?.append_records === 1;
}

async function countUser(sql: SqlClient, { tenant, value }: PersonKey): Promise<number> {
  const [row] = await sql.query<{ records_with_user: number }>(COUNT_USER, [tenant, value]);
  return row?.records_with_user ?? 0;
}

function recordOf(row: SealedRow): SealedRecord {
  return {
    decisionId: row.decision_id,
    decidedAtMs: Number(row.decided_at_ms),
    operation: row.operation,
    effect: row.effect,
    reasonCodes: JSON.parse(row.reason_codes) as readonly string[],
    facts: decodeRecord(row.detail).facts,
    settlement: row.settlement === null ? undefined : settlementOf(row.settlement),
    sealed: { keyId: row.key_id, wrappedKey: row.wrapped, sealed: row.sealed },
  };
}
