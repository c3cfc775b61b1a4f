import { traitsOf } from '../../decision/events.ts';
import { REASONS, type ReasonCode } from '../../decision/reasons.ts';
import type { RecordQuery } from '../../decision/record.ts';
import { decisionIdsOf } from '../../lib/ids.ts';
import type { SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/**
 * Codes that completing a hold adds to its record when it is read: `lineage.reason_codes` does not
 * know of them.
 */
export const ADDED_CODES: ReadonlySet<string> = new Set<ReasonCode>([
  'budget.warning',
  'budget.degraded',
  'budget.overrun',
  'budget.partial',
]);

/** Records by time; the index by agent, user or denial serves where that is asked for. */
const BY_TIME = statementFrom('tollgate.lineage_all');
const OF_DECISION = statementOf('lineage-of-decision');
const OF_REQUEST = statementOf('lineage-of-request');
const OF_TRACE = statementOf('lineage-of-trace');
const OF_PERSON = statementOf('lineage-of-person');

/**
 * The statement that answers a query from the narrowest index that serves it.
 * @param most rows.
 */
export function recordStatement(query: RecordQuery, most: number): Statement {
  const { tenant, requestId, emailIndex } = query;
  const filter = [...filterOf(query), emailIndex ?? null, most];
  if (query.decisionId !== undefined) return { text: OF_DECISION, values: filter };
  if (requestId !== undefined) {
    const ids = decisionIdsOf(tenant, requestId).join(',');
    return { text: OF_REQUEST, values: [...filter, ids] };
  }
  if (query.traceId !== undefined) return { text: OF_TRACE, values: filter };
  if (emailIndex === undefined) return { text: BY_TIME, values: filter };
  return { text: OF_PERSON, values: [...filterOf(query), null, most, emailIndex] };
}

/** $1 to $15 of lineage-filter.sql. */
function filterOf(query: RecordQuery): readonly SqlValue[] {
  const { reasonCode } = query;
  const event = query.event && traitsOf(query.event);
  return [
    query.tenant,
    query.agent ?? null,
    query.user ?? null,
    effectOf(query),
    query.decisionId ?? null,
    query.requestId ?? null,
    query.traceId ?? null,
    reasonCode ?? null,
    reasonCode !== undefined && ADDED_CODES.has(reasonCode),
    event?.having ?? null,
    event && event.without.length > 0 ? event.without.join(',') : null,
    query.fromMs ?? null,
    query.toMs ?? null,
    ...placeOf(query.pageToken),
  ];
}

/** An effect that is said, or follows from what else is: so that the index of denials serves. */
function effectOf({ effect, event, reasonCode }: RecordQuery): string | null {
  if (effect !== undefined) return effect;
  if (event !== undefined) return traitsOf(event).effect;
  return isDenial(reasonCode) ? 'deny' : null;
}

function isDenial(code: string | undefined): boolean {
  const pages: Readonly<Record<string, { readonly kind: string }>> = REASONS;
  return code !== undefined && Object.hasOwn(pages, code) && pages[code]?.kind === 'denial';
}

/** True when nothing can be found: what is said contradicts itself. */
export function isContradiction({ effect, event }: RecordQuery): boolean {
  return effect !== undefined && event !== undefined && traitsOf(event).effect !== effect;
}

/**
 * Reads a page token, "<milliseconds>.<decision id>". The edge hands it back as it was given out.
 */
export function placeOf(token: string | undefined): readonly [string | null, string | null] {
  const match = /^(\d{1,15})\.(.+)$/s.exec(token ?? '');
  return [match?.[1] ?? null, match?.[2] ?? null];
}

function statementOf(source: string): string {
  return statementFrom(`(${sqlFile(source)})`);
}

function statementFrom(source: string): string {
  return sqlFile('list-lineage')
    .replace(/^(--.*\n)+/, '')
    .replace('{source}', () => source.replace(/^\((--.*\n)+/, '('))
    .replaceAll('{filter}', () => sqlFile('lineage-filter').replace(/^(--.*\n)+/, ''));
}
