import { decodeAuditEvent, type AuditEvent, type AuditQuery } from '../../decision/audit-event.ts';
import type { AuditTrail } from '../../decision/person-store.ts';
import type { Unavailable } from '../../decision/ports.ts';
import type { Page } from '../../decision/record.ts';
import { failureOf, unavailable } from './errors.ts';
import { placeOf } from './record-statement.ts';
import { answerWithin, type SqlClient } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const LIST = sqlFile('list-audit-events');

interface EventRow {
  readonly decision_id: string;
  readonly decided_at_ms: string;
  readonly detail: string;
}

/** Audit events on Postgres, on a server or embedded. */
export class PostgresAudit implements AuditTrail {
  readonly #sql: SqlClient;
  readonly #deadlineMs: number;

  constructor(sql: SqlClient, { deadlineMs }: { readonly deadlineMs: number }) {
    this.#sql = sql;
    this.#deadlineMs = deadlineMs;
  }

  async list(query: AuditQuery): Promise<Page<AuditEvent> | Unavailable> {
    const { tenant, event, fromMs, toMs, pageSize, pageToken } = query;
    const narrowed = [tenant, event ?? null, fromMs ?? null, toMs ?? null];
    const values = [...narrowed, ...placeOf(pageToken), pageSize + 1];
    try {
      const rows = await answerWithin(this.#deadlineMs, this.#sql.query<EventRow>(LIST, values));
      const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
      return {
        items: rows.slice(0, pageSize).map(({ detail }) => decodeAuditEvent(detail)),
        nextPageToken: last && `${last.decided_at_ms}.${last.decision_id}`,
      };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw failure.error;
      return unavailable(failure.problem);
    }
  }
}
