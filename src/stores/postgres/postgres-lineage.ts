import type { Decision } from '../../decision/decision.ts';
import type { HoldOutcome, Lineage, Unavailable } from '../../decision/ports.ts';
import type {
  DecisionRecord,
  Page,
  RecordQuery,
  Settlement,
  StoredRecord,
} from '../../decision/record.ts';
import { amountsOf } from './account-line.ts';
import { answerAgain, type ReplayJson } from './batch-answers.ts';
import { failureOf, unavailable } from './errors.ts';
import { decodeRecord } from '../../decision/record-codec.ts';
import { ROW_SEPARATOR } from '../../decision/record-row.ts';
import { answerWithin, type SqlClient, type SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const SEPARATOR = Buffer.from(ROW_SEPARATOR);
const APPEND = sqlFile('append-lineage');
const GET = sqlFile('get-lineage');
const LIST = sqlFile('list-lineage');

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

  async list(query: RecordQuery): Promise<Page<StoredRecord> | Unavailable> {
    const { pageSize } = query;
    const rows = await this.#ask<PagedRow>(LIST, [
      query.tenant,
      query.agent ?? null,
      query.user ?? null,
      query.effect ?? null,
      query.reasonCode ?? null,
      query.fromMs ?? null,
      query.toMs ?? null,
      ...placeOf(query.pageToken),
      pageSize + 1,
    ]);
    if ('kind' in rows) return rows;
    const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
    return {
      items: rows.slice(0, pageSize).map((row) => this.#recordOf(row)),
      nextPageToken: last && `${last.decided_at_ms}.${last.decision_id}`,
    };
  }

  #recordOf(row: LineageRow): StoredRecord {
    const record = decodeRecord(row.detail);
    return {
      requestId: row.request_id,
      operation: row.operation,
      traceId: record.traceId,
      facts: record.facts,
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
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw failure.error;
      return unavailable(failure.problem);
    }
  }
}

/**
 * Reads a page token, "<milliseconds>.<decision id>". The edge hands it back as it was given out.
 */
function placeOf(token: string | undefined): readonly [string | null, string | null] {
  const match = /^(-?\d{1,16})\.(.+)$/s.exec(token ?? '');
  return [match?.[1] ?? null, match?.[2] ?? null];
}

function settlementOf(text: string): Settlement {
  const json = JSON.parse(text) as SettlementJson;
  return { ...json, amounts: amountsOf(json.amounts), durationMs: json.durationMs ?? undefined };
}
