import { hash, randomBytes } from 'node:crypto';

/**
 * Id of the decision that answers one request. Derived from the request, so that a repeat on
 * another process, or after a crash, carries the same id and its record is written once.
 */
export function decisionIdOf(tenant: string, operation: string, requestId: string): string {
  return `dec_${hash('sha256', `${tenant}\n${operation}\n${requestId}`, 'base64url').slice(0, 22)}`;
}

/** Id of the reservation that a decision makes: one decision makes at most one. */
export function reservationIdOf(decisionId: string): string {
  return `res_${decisionId.slice('dec_'.length)}`;
}

/**
 * Id of an answer that must not stand for the request for good, for example a denial while a store
 * is away.
 */
export function passingDecisionId(): string {
  return `dec_x${randomBytes(16).toString('base64url')}`;
}
