import {
  AUDIT_EVENT_NAMES,
  type AuditEventName,
  type AuditQuery,
  type NamedBy,
} from '../decision/audit-event.ts';
import type { AccessQuery, ErasureCommand, PersonQuestion } from '../decision/person-desk.ts';
import type * as wire from '../gen/tollgate/v1/record_service.ts';
import { readId, readText, type Violation } from './fields.ts';
import { MAX_EMAIL_CHARS, MAX_PERSONAL_CHARS } from './read-call.ts';
import { readPage, readSpan } from './read-query.ts';

/**
 * Requests of the RecordService to commands and queries. Every function checks every field, adds
 * what is wrong to `found`, and answers undefined exactly when something is.
 */

/** One @ between two parts without blanks: whatever a caller may have sent as an address. */
const EMAIL = /^[^\s@]+@[^\s@]+$/;

export function readErasure(
  found: Violation[],
  request: wire.ErasePersonRequest,
): ErasureCommand | undefined {
  const requestId = readId(found, 'request_id', request.requestId);
  const question = readQuestion(found, request);
  return found.length > 0 ? undefined : { ...question, requestId };
}

export function readAccess(
  found: Violation[],
  request: wire.GetPersonRecordsRequest,
): AccessQuery | undefined {
  const question = readQuestion(found, request);
  const page = readPage(found, request);
  return found.length > 0 ? undefined : { ...question, ...page };
}

export function readAuditQuery(
  found: Violation[],
  request: wire.ListAuditEventsRequest,
): AuditQuery | undefined {
  const tenant = readId(found, 'tenant', request.tenant);
  const event = readEventName(found, request.event);
  const span = readSpan(found, request);
  const page = readPage(found, request);
  if (found.length > 0) return undefined;
  return { tenant, ...(event && { event }), ...span, ...page };
}

type PersonNamed = Pick<wire.ErasePersonRequest, 'tenant' | 'email' | 'externalUserId' | 'actor'>;

function readQuestion(found: Violation[], request: PersonNamed): PersonQuestion {
  const tenant = readId(found, 'tenant', request.tenant);
  const actor = readActor(found, request.actor);
  const { by, value } = readName(found, request);
  return { tenant, by, value, actor };
}

function readName(
  found: Violation[],
  { email, externalUserId }: PersonNamed,
): { readonly by: NamedBy; readonly value: string } {
  if ((email === '') === (externalUserId === '')) {
    const description = 'is required: exactly one of email and external_user_id';
    found.push({ field: email === '' ? 'email' : 'external_user_id', description });
  }
  if (externalUserId !== '') {
    readText(found, 'external_user_id', externalUserId, MAX_PERSONAL_CHARS);
    return { by: 'external_user_id', value: externalUserId };
  }
  readText(found, 'email', email, MAX_EMAIL_CHARS);
  if (email !== '' && !EMAIL.test(email)) {
    found.push({ field: 'email', description: 'must be an e-mail address' });
  }
  return { by: 'email', value: email };
}

/** What is kept of an actor is never erased. */
function readActor(found: Violation[], actor: string): string {
  if (actor.includes('@')) {
    found.push({ field: 'actor', description: 'must be an id and not an address: without @' });
  }
  return readId(found, 'actor', actor);
}

function readEventName(found: Violation[], name: string): AuditEventName | undefined {
  if (name === '') return undefined;
  const known = AUDIT_EVENT_NAMES.find((one) => one === name);
  if (known) return known;
  found.push({ field: 'event', description: `must be one of ${AUDIT_EVENT_NAMES.join(', ')}` });
  return undefined;
}
