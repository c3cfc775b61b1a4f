import type { Effect } from '../decision/decision.ts';
import type { AccountQuery } from '../decision/ports.ts';
import type { RecordQuery } from '../decision/record.ts';
import type * as wire from '../gen/tollgate/v1/query_service.ts';
import * as verdictWire from '../gen/tollgate/v1/verdict.ts';
import { MAX_ID_CHARS, readId, readOptionalId, readText, type Violation } from './fields.ts';

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
): RecordQuery | undefined {
  const tenant = readId(found, 'tenant', request.tenant);
  const agent = readOptionalId(found, 'agent', request.agent);
  const user = readText(found, 'user', request.user, MAX_ID_CHARS);
  const reasonCode = readText(found, 'reason_code', request.reasonCode, MAX_ID_CHARS);
  const effect = readEffect(found, request.effect);
  const fromMs = readTime(found, 'from', request.from);
  const toMs = readTime(found, 'to', request.to);
  if (fromMs !== undefined && toMs !== undefined && toMs < fromMs) {
    found.push({ field: 'to', description: 'must not be before `from`' });
  }
  const page = readPage(found, request);
  if (found.length > 0) return undefined;
  return {
    tenant,
    ...(agent === '' ? {} : { agent }),
    ...(user === '' ? {} : { user }),
    ...(effect === undefined ? {} : { effect }),
    ...(reasonCode === '' ? {} : { reasonCode }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
    ...page,
  };
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

/** A timestamp outside what a date can hold decodes to an invalid date. */
export function readTime(
  found: Violation[],
  field: string,
  value: Date | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  const ms = value.getTime();
  if (Number.isNaN(ms)) found.push({ field, description: 'must be a valid time' });
  return ms;
}
