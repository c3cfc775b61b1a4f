import type { Effect } from '../decision/decision.ts';
import type { AccountQuery } from '../decision/ports.ts';
import { EVENTS, type EventName } from '../decision/events.ts';
import type { DecisionQuery } from '../decision/queries.ts';
import type * as wire from '../gen/tollgate/v1/query_service.ts';
import * as verdictWire from '../gen/tollgate/v1/verdict.ts';
import { MAX_ID_CHARS, readId, readOptionalId, readText, type Violation } from './fields.ts';
import { MAX_EMAIL_CHARS } from './read-call.ts';

/**
 * Requests of the QueryService to queries of the ports. Every function checks every field, adds
 * what is wrong to `found`, and answers undefined exactly when something is.
 */

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;
const MAX_PAGE_TOKEN_CHARS = 1_024;

export function readBudgetQuery(
  found: Violation[],
  request: wire.GetBudgetStatusRequest,
): AccountQuery | undefined {
  const tenant = readId(found, 'tenant', request.tenant);
  const budgetId = readOptionalId(found, 'budget_id', request.budgetId);
  const page = readPage(found, request);
  if (found.length > 0) return undefined;
  return { tenant, ...(budgetId === '' ? {} : { budgetId }), ...page };
}

export function readRecordQuery(
  found: Violation[],
  request: wire.ListDecisionsRequest,
): DecisionQuery | undefined {
  const filters = readRecordFilters(found, request);
  const page = readPage(found, request);
  return filters && found.length === 0 ? { ...filters, ...page } : undefined;
}

export type RecordFilters = Omit<DecisionQuery, 'pageSize' | 'pageToken'>;

export function readRecordFilters(
  found: Violation[],
  request: wire.ExportDecisionsRequest,
): RecordFilters | undefined {
  const tenant = readId(found, 'tenant', request.tenant);
  const effect = readEffect(found, request.effect);
  const event = readEvent(found, request.event);
  const named = {
    decisionId: readOptionalId(found, 'decision_id', request.decisionId),
    requestId: readOptionalId(found, 'request_id', request.requestId),
    traceId: readTraceId(found, request.traceId),
    email: readText(found, 'email', request.email, MAX_EMAIL_CHARS),
    agent: readOptionalId(found, 'agent', request.agent),
    user: readText(found, 'user', request.user, MAX_ID_CHARS),
    reasonCode: readText(found, 'reason_code', request.reasonCode, MAX_ID_CHARS),
  };
  const span = readSpan(found, request);
  if (found.length > 0) return undefined;
  const given = Object.entries(named).filter(([, value]) => value !== '');
  return {
    tenant,
    ...Object.fromEntries(given),
    ...(effect && { effect }),
    ...(event && { event }),
    ...span,
  };
}

export function readSpan(
  found: Violation[],
  { from, to }: Pick<wire.ExportDecisionsRequest, 'from' | 'to'>,
): { readonly fromMs?: number; readonly toMs?: number } {
  const fromMs = readTime(found, 'from', from);
  const toMs = readTime(found, 'to', to);
  if (fromMs !== undefined && toMs !== undefined && toMs < fromMs) {
    found.push({ field: 'to', description: 'must not be before `from`' });
  }
  return { ...(fromMs !== undefined && { fromMs }), ...(toMs !== undefined && { toMs }) };
}

const TRACE_ID = /^[0-9a-f]{32}$/;

/** As the record has it, whichever case a tool writes. */
function readTraceId(found: Violation[], text: string): string {
  const traceId = text.toLowerCase();
  if (traceId !== '' && !TRACE_ID.test(traceId)) {
    found.push({ field: 'trace_id', description: 'must be 32 hex digits' });
  }
  return traceId;
}

function readEvent(found: Violation[], text: string): EventName | undefined {
  const event = EVENTS.find((name) => name === text);
  if (text !== '' && event === undefined) {
    found.push({ field: 'event', description: `must be one of ${EVENTS.join(', ')}` });
  }
  return event;
}

export function readPage(
  found: Violation[],
  request: { readonly pageSize: number; readonly pageToken: string },
): { readonly pageSize: number; readonly pageToken?: string } {
  const { pageSize, pageToken } = request;
  if (pageSize < 0 || pageSize > MAX_PAGE_SIZE) {
    found.push({ field: 'page_size', description: `must be from 0 to ${MAX_PAGE_SIZE}` });
  }
  readText(found, 'page_token', pageToken, MAX_PAGE_TOKEN_CHARS);
  return {
    pageSize: pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize,
    ...(pageToken === '' ? {} : { pageToken }),
  };
}

function readEffect(found: Violation[], effect: verdictWire.Effect): Effect | undefined {
  switch (effect) {
    case verdictWire.Effect.UNSPECIFIED:
      return undefined;
    case verdictWire.Effect.ALLOW:
      return 'allow';
    case verdictWire.Effect.DENY:
      return 'deny';
    default:
      found.push({ field: 'effect', description: 'must be a known effect' });
      return undefined;
  }
}

/** From the year 1 to the year 9999, as google.protobuf.Timestamp says; no store holds more. */
const LEAST_TIME_MS = Date.parse('0001-01-01T00:00:00Z');
const MOST_TIME_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** A timestamp outside what a date can hold decodes to an invalid date. */
export function readTime(
  found: Violation[],
  field: string,
  value: Date | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  const ms = value.getTime();
  if (!(ms >= LEAST_TIME_MS && ms <= MOST_TIME_MS)) {
    found.push({ field, description: 'must be a valid time' });
  }
  return ms;
}
