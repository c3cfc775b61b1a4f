import type { Decision } from '../../decision/decision.ts';
import type { HoldOutcome, Lineage, TooBroad, Unavailable } from '../../decision/ports.ts';
import type {
  DecisionRecord,
  Page,
  RecordQuery,
  Settlement,
  StoredRecord,
} from '../../decision/record.ts';
import { amountsOf } from './account-line.ts';
import { answerAgain, type ReplayJson } from './batch-answers.ts';
import { failureOf, isCancelled, messageOf, unavailable } from './errors.ts';
import { decodeRecord } from '../../decision/record-codec.ts';
import { ROW_SEPARATOR } from '../../decision/record-row.ts';
import { ADDED_CODES, isContradiction, recordStatement } from './record-statement.ts';
import { answerWithin, type SqlClient, type SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';
import { Turns, type NoTurn } from './turns.ts';

const SEPARATOR = Buffer.from(ROW_SEPARATOR);
const APPEND = sqlFile('append-lineage');
const GET = sqlFile('get-lineage');

/** Queries at once, and those that wait for their turn. */
const MOST_QUERIES = 3;
const MOST_WAITING = 24;

type Unlisted = TooBroad | NoTurn | Unavailable;

/** Records looked through for one page where only the finished record tells. */
const MOST_SIFTED = 1_000;
/** The server cancels at the deadline, and what it says comes first. */
const CANCEL_GRACE_MS = 1_000;

/** Completes the draft of a hold with what the ledger made of it. Pure. */
export type FinishHold = (
  draft: Decision,
  outcome: Extract<HoldOutcome, { kind: 'held' | 'denied' }>,
) => Decision;

export interface PostgresLineageOptions {
  readonly finishHold: FinishHold;
  readonly deadlineMs: number;
}

interface LineageRow {
  readonly request_id: string;
  readonly operation: StoredRecord['operation'];
  readonly reservation_id: string;
  readonly detail: string;
  /** ReplayJson; null when the ledger was not asked to hold. */
  readonly entry: string | null;
  readonly settlement: string | null;
}

interface PagedRow extends LineageRow {
  readonly decision_id: string;
  readonly decided_at_ms: string;
}

interface SettlementJson extends Omit<Settlement, 'amounts' | 'durationMs'> {
  readonly amounts: string;
  readonly durationMs: number | null;
}

/** Decisions on Postgres, those that hold (written by the ledger) and those that do not. */
export class PostgresLineage implements Lineage {
  readonly #sql: SqlClient;
  readonly #options: PostgresLineageOptions;
  readonly #turns = new Turns(MOST_QUERIES, MOST_WAITING);

  constructor(sql: SqlClient, options: PostgresLineageOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  async append(rows: readonly Uint8Array[]): Promise<'appended' | Unavailable> {
    if (rows.length === 0) return 'appended';
    const parts = rows.flatMap((row, index) => (index === 0 ? [row] : [SEPARATOR, row]));
    const answer = await this.#ask(APPEND, [Buffer.concat(parts)]);
    return 'kind' in answer ? answer : 'appended';
  }

  async get(
    tenant: string,
    decisionId: string,
  ): Promise<StoredRecord | { readonly kind: 'not_found' } | Unavailable> {
    const rows = await this.#ask<LineageRow>(GET, [tenant, decisionId]);
    if ('kind' in rows) return rows;
    return rows[0] ? this.#recordOf(rows[0]) : { kind: 'not_found' };
  }

  async list(query: RecordQuery): Promise<Page<StoredRecord> | Unlisted> {
    const { pageSize, reasonCode } = query;
    if (isContradiction(query)) return { items: [], nextPageToken: undefined };
    if (reasonCode !== undefined && ADDED_CODES.has(reasonCode)) {
      return this.#sift(query, ({ decision }) =>
        decision.reasons.some(({ code }) => code === reasonCode),
      );
    }
    const rows = await this.#rows(query, pageSize + 1);
    if ('kind' in rows) return rows;
    const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
    return {
      items: rows.slice(0, pageSize).map((row) => this.#recordOf(row)),
      nextPageToken: last && placeText(last),
    };
  }

  /** A page of those that `holds` is true of, looked for in a bounded number of records. */
  async #sift(
    query: RecordQuery,
    holds: (record: StoredRecord) => boolean,
  ): Promise<Page<StoredRecord> | Unlisted> {
    const rows = await this.#rows(query, MOST_SIFTED);
    if ('kind' in rows) return rows;
    const items: StoredRecord[] = [];
    let last: PagedRow | undefined;
    for (last of rows) {
      const record = this.#recordOf(last);
      if (holds(record)) items.push(record);
      if (items.length === query.pageSize) break;
    }
    const seenAll = rows.length < MOST_SIFTED && last === rows.at(-1);
    return { items, nextPageToken: seenAll || !last ? undefined : placeText(last) };
  }

  async #rows(query: RecordQuery, most: number): Promise<readonly PagedRow[] | Unlisted> {
    const { text, values } = recordStatement(query, most);
    const deadlineMs = this.#options.deadlineMs + CANCEL_GRACE_MS;
    try {
      return await this.#turns.take(() =>
        answerWithin(deadlineMs, this.#sql.query<PagedRow>(text, values)),
      );
    } catch (error) {
      if (isCancelled(error)) return { kind: 'too_broad', problem: messageOf(error) };
      return unansweredOf(error);
    }
  }

  #recordOf(row: LineageRow): StoredRecord {
    const record = decodeRecord(row.detail);
    return {
      requestId: row.request_id,
      operation: row.operation,
      traceId: record.traceId,
      facts: record.facts,
      personCommitment: record.personCommitment,
      decision: this.#decisionOf(record, row),
      reservationId: row.reservation_id,
      settlement: row.settlement === null ? undefined : settlementOf(row.settlement),
    };
  }

  #decisionOf(record: DecisionRecord, row: LineageRow): Decision {
    if (row.entry === null) return record.decision;
    const outcome = answerAgain(JSON.parse(row.entry) as ReplayJson, () => record);
    if (outcome.kind !== 'held' && outcome.kind !== 'denied') return record.decision;
    return this.#options.finishHold(record.decision, outcome);
  }

  async #ask<Row extends object>(
    text: string,
    values: readonly SqlValue[],
  ): Promise<readonly Row[] | Unavailable> {
    try {
      return await answerWithin(this.#options.deadlineMs, this.#sql.query<Row>(text, values));
    } catch (error) {
      return unansweredOf(error);
    }
  }
}

function placeText(row: PagedRow): string {
  return `${row.decided_at_ms}.${row.decision_id}`;
}

/** @throws what the data was refused for: that is a defect. */
function unansweredOf(error: unknown): Unavailable {
  const failure = failureOf(error);
  if (failure.kind === 'refused') throw failure.error;
  return unavailable(failure.problem);
}

export function settlementOf(text: string): Settlement {
  const json = JSON.parse(text) as SettlementJson;
  return { ...json, amounts: amountsOf(json.amounts), durationMs: json.durationMs ?? undefined };
}
