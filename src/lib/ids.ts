import { hash, randomBytes } from 'node:crypto';

/**
 * Id of the decision that answers one request. Derived from the request, so that a repeat on
 * another process, or after a crash, carries the same id and its record is written once.
 */
export function decisionIdOf(tenant: string, operation: string, requestId: string): string {
  return `dec_${hash('sha256', `${tenant}\n${operation}\n${requestId}`, 'base64url').slice(0, 22)}`;
}

/** Id of a denial that stands beside the decision that the same request may get later. */
export function deniedIdOf(decisionId: string): string {
  return `${decisionId}-denied`;
}

const OPERATIONS = ['authorize', 'reserve', 'extend'];

/** Ids of all decisions that may stand for a request, but for those of an outage (below). */
export function decisionIdsOf(tenant: string, requestId: string): readonly string[] {
  return OPERATIONS.flatMap((operation) => {
    const decisionId = decisionIdOf(tenant, operation, requestId);
    return [decisionId, deniedIdOf(decisionId)];
  });
}

/** Id of the reservation that a decision makes: one decision makes at most one. */
export function reservationIdOf(decisionId: string): string {
  return `res_${decisionId.slice('dec_'.length)}`;
}

/** Id of the audit event of one request: a repeat has the same. */
export function auditEventIdOf(tenant: string, requestId: string): string {
  const digest = hash('sha256', `${tenant}\naudit\n${requestId}`, 'base64url');
  return `aud_${digest.slice(0, 22)}`;
}

/** Id of an audit event that no request names. */
export function newAuditEventId(): string {
  return `aud_${randomBytes(16).toString('base64url')}`;
}

/**
 * Id of an answer that must not stand for the request for good, for example a denial while a store
 * is away.
 */
export function passingDecisionId(): string {
  return `dec_x${randomBytes(16).toString('base64url')}`;
}
