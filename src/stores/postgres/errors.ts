import type { Unavailable } from '../../decision/ports.ts';

/**
 * What a failed statement means.
 * - `again`: rolled back for certain, because of others who were there at the same time; trying
 * again can succeed.
 * - `refused`: rolled back for certain, because of what was sent; trying again cannot succeed.
 * - `unavailable`: not applied, or not known to be applied; the caller repeats the request under
 * its id.
 */
export type Failure =
  | { readonly kind: 'again'; readonly problem: string }
  | { readonly kind: 'refused'; readonly error: Error }
  | { readonly kind: 'unavailable'; readonly problem: string; readonly undone: boolean };

/**
 * serialization_failure, deadlock_detected, and unique_violation: an id that another transaction
 * used at the same moment. The next try looks first.
 */
const COLLISIONS = new Set(['40001', '40P01', '23505']);
/**
 * undefined_function, undefined_table, invalid_schema_name: the schema is missing or older than the
 * program.
 */
const NOT_MIGRATED = new Set(['42883', '42P01', '3F000', '42704', '42703']);
/** data_exception and integrity_constraint_violation classes. */
const BAD_DATA = /^2[23]/;

/** Sorts an error of the driver by its SQLSTATE; an error without one came from the connection. */
export function failureOf(error: unknown): Failure {
  const code = sqlStateOf(error);
  const message = messageOf(error);
  if (COLLISIONS.has(code)) return { kind: 'again', problem: message };
  if (NOT_MIGRATED.has(code)) {
    return {
      kind: 'unavailable',
      undone: true,
      problem: `the database is not migrated (${message}): run "tollgate migrate up"`,
    };
  }
  if (BAD_DATA.test(code)) {
    return {
      kind: 'refused',
      error: new Error(`the ledger refused the data: ${message}`, { cause: error }),
    };
  }
  const undone = code === '' ? neverConnected(error) : !breaksConnection(error);
  return { kind: 'unavailable', problem: code === '' ? message : `${message} (${code})`, undone };
}

/** @param undone when certainly nothing was done. */
export function unavailable(problem: string, undone = false): Unavailable {
  return { kind: 'unavailable', problem, undone };
}

/** What connecting fails with, before any statement was sent. */
const CONNECT_CODES = new Set(['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
const CONNECT_TIMEOUT = 'timeout exceeded when trying to connect';

function neverConnected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(neverConnected);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return CONNECT_CODES.has(code) || error.message === CONNECT_TIMEOUT;
}

/**
 * True when the connection cannot be used again. A server that refuses one statement keeps the
 * connection.
 */
export function breaksConnection(error: unknown): boolean {
  const code = sqlStateOf(error);
  return code === '' || code.startsWith('57P') || code.startsWith('08');
}

/** query_canceled: the statement took longer than it may. */
export function isCancelled(error: unknown): boolean {
  return sqlStateOf(error) === '57014';
}

function sqlStateOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/**
 * A refused connection to a name with several addresses has an empty message and its causes inside.
 */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
