import { status } from '@grpc/grpc-js';
import type { SettlementRefusal } from '../decision/answers.ts';
import type { QueryRefusal } from '../decision/queries.ts';
import type { Any } from '../gen/google/protobuf/any.ts';
import type { Violation } from './fields.ts';
import { badRequest, CallFailure, errorInfo, retryInfo } from './status-details.ts';

export type EdgeRefusal = SettlementRefusal | QueryRefusal;

/** How one kind of refusal reads on the wire. */
interface RefusalPage {
  readonly code: status;
  /** ErrorInfo.reason. */
  readonly reason: string;
  /** One sentence that says what to do. */
  readonly text: string;
}

/** Every refusal as gRPC says it: the only place where refusals meet status codes. */
const PAGES: Readonly<Record<EdgeRefusal['kind'], RefusalPage>> = {
  conflict: {
    code: status.ALREADY_EXISTS,
    reason: 'REQUEST_ID_REUSED',
    text: 'This request id was used with a different body: repeat the first body or choose a new id.',
  },
  unknown_tenant: {
    code: status.NOT_FOUND,
    reason: 'TENANT_UNKNOWN',
    text: 'The tenant is not configured: correct the tenant or add it to the configuration.',
  },
  stale_configuration: {
    code: status.FAILED_PRECONDITION,
    reason: 'CONFIGURATION_STALE',
    text: 'The configuration in force is older than min_revision: wait for the change to arrive and repeat.',
  },
  overloaded: {
    code: status.RESOURCE_EXHAUSTED,
    reason: 'OVERLOADED',
    text: 'Too many requests are in progress: repeat with the same request id after the retry delay.',
  },
  reservation_not_found: {
    code: status.NOT_FOUND,
    reason: 'RESERVATION_NOT_FOUND',
    text: 'The tenant has no reservation with this id: use the id that Reserve answered.',
  },
  not_found: {
    code: status.NOT_FOUND,
    reason: 'NOT_FOUND',
    text: 'The tenant has nothing under this id: use an id that an earlier answer gave.',
  },
  wrong_state: {
    code: status.FAILED_PRECONDITION,
    reason: 'RESERVATION_CLOSED',
    text: 'Another request has already settled or released this reservation: reserve anew.',
  },
  too_broad: {
    code: status.RESOURCE_EXHAUSTED,
    reason: 'QUERY_TOO_BROAD',
    text: 'The query was cancelled because it took too long: narrow its time, or name an agent, a user, a trace or a request.',
  },
  unavailable: {
    code: status.UNAVAILABLE,
    reason: 'STORE_UNAVAILABLE',
    text: 'The store does not answer, so the outcome is unknown: repeat with the same request id.',
  },
};

/** @param tenantField proto path of the field that named the tenant. */
export function failureOf(refusal: EdgeRefusal, tenantField: string): CallFailure {
  const { code, reason, text } = PAGES[refusal.kind];
  return new CallFailure(code, text, detailsOf(refusal, reason, tenantField));
}

function detailsOf(refusal: EdgeRefusal, reason: string, tenantField: string): Any[] {
  switch (refusal.kind) {
    case 'unknown_tenant':
      return [
        errorInfo(reason),
        badRequest([{ field: tenantField, description: 'must be a configured tenant' }]),
      ];
    case 'stale_configuration':
      return [errorInfo(reason, { configuration_revision: refusal.revision })];
    case 'overloaded':
      return [errorInfo(reason), retryInfo(refusal.retryAfterMs)];
    case 'wrong_state':
      return [errorInfo(reason, { state: refusal.state })];
    default:
      return [errorInfo(reason)];
  }
}

/** Keeps the trailers of an answer below the 8 KiB that gRPC clients accept. */
const MAX_LISTED = 60;
const MAX_IN_TEXT = 3;

/** INVALID_ARGUMENT that names every wrong field. */
export function invalidArgument(violations: readonly Violation[]): CallFailure {
  const named = violations
    .slice(0, MAX_IN_TEXT)
    .map(({ field, description }) => `${field} ${description}`)
    .join('; ');
  const more = violations.length - MAX_IN_TEXT;
  const text = `Correct the request: ${named}${more > 0 ? `; and ${more} more` : ''}.`;
  const listed = violations.slice(0, MAX_LISTED);
  return new CallFailure(status.INVALID_ARGUMENT, text, [badRequest(listed)]);
}

/** The bytes are no message of the contract. */
export function unreadable(): CallFailure {
  const text =
    'The request cannot be decoded: send the message of tollgate/v1 that this method takes.';
  return new CallFailure(status.INVALID_ARGUMENT, text, [errorInfo('REQUEST_UNREADABLE')]);
}

/** A defect. The cause is in the log and never in the answer. */
export function internal(): CallFailure {
  const text =
    'Tollgate failed on this request: repeat it with the same request id and see its log.';
  return new CallFailure(status.INTERNAL, text, [errorInfo('INTERNAL')]);
}
