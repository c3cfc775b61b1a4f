import type { Duration } from '../gen/google/protobuf/duration.ts';

/** One wrong field of a request, by its proto path, for example "call.principal.roles[3]". */
export interface Violation {
  readonly field: string;
  /** What is asked of the field. Never repeats its value: values may be personal. */
  readonly description: string;
}

/** Fits a UUID, an e-mail-like id and a namespaced name, and keeps keys in every store short. */
export const MAX_ID_CHARS = 128;

/** Roles, classification tags. */
export const MAX_LIST_ITEMS = 32;

const ID = /^[A-Za-z0-9._:@-]{1,128}$/;
const CONTROL = /\p{Cc}/u;
const ID_RULE = `must be 1 to ${MAX_ID_CHARS} characters of A-Z a-z 0-9 . _ : @ -`;

/** A required id. */
export function readId(found: Violation[], field: string, value: string): string {
  if (!ID.test(value)) found.push({ field, description: value === '' ? 'is required' : ID_RULE });
  return value;
}

/** An id that may be left out. */
export function readOptionalId(found: Violation[], field: string, value: string): string {
  return value === '' ? value : readId(found, field, value);
}

/**
 * Text that names something: bounded, and without control characters, which no store or log has a
 * use for.
 */
export function readText(found: Violation[], field: string, value: string, most: number): string {
  if (value === '') return value;
  const problem = textProblem(value, most);
  if (problem !== undefined) found.push({ field, description: problem });
  return value;
}

/**
 * Text that names an owner inside a scope. A slash would let two owners write the same scope text
 * ("a/user:b"), and so share a counter or an account.
 */
export function readOwner(found: Violation[], field: string, value: string): string {
  if (value.includes('/')) found.push({ field, description: 'must not contain a slash' });
  return readText(found, field, value, MAX_ID_CHARS);
}

/** A list of names. A list that is too long is one violation: its items are not looked at. */
export function readTexts(
  found: Violation[],
  field: string,
  values: readonly string[],
): readonly string[] {
  if (values.length > MAX_LIST_ITEMS) {
    found.push({ field, description: `must have at most ${MAX_LIST_ITEMS} entries` });
    return values;
  }
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? '';
    const problem = value === '' ? 'must not be empty' : textProblem(value, MAX_ID_CHARS);
    if (problem !== undefined) found.push({ field: `${field}[${index}]`, description: problem });
  }
  return values;
}

function textProblem(value: string, most: number): string | undefined {
  if (value.length > most) return `must have at most ${most} characters`;
  return CONTROL.test(value) ? 'must not contain control characters' : undefined;
}

const UNPRINTABLE = /[^\P{Cc}\n\t]/gu;

/**
 * Free text for the record. What cannot be printed is replaced and not refused: a settlement must
 * not fail because an agent answered with a strange error text.
 */
export function readProse(found: Violation[], field: string, value: string, most: number): string {
  if (value.length > most) {
    found.push({ field, description: `must have at most ${most} characters` });
  }
  return CONTROL.test(value) ? value.replace(UNPRINTABLE, '\uFFFD') : value;
}

/** A whole number from 0 to `most`; undefined stays undefined. */
export function readAmount(
  found: Violation[],
  field: string,
  value: bigint | undefined,
  most: bigint,
): bigint | undefined {
  if (value === undefined) return undefined;
  if (value < 0n) found.push({ field, description: 'must not be negative' });
  else if (value > most) found.push({ field, description: `must be at most ${most}` });
  return value;
}

const NANOS_PER_MS = 1_000_000;
const NANOS_PER_SECOND = 1_000_000_000;
const MS_PER_SECOND = 1_000;

/** A span of time in whole milliseconds, rounded up; undefined stays undefined. */
export function readDuration(
  found: Violation[],
  field: string,
  value: Duration | undefined,
  bounds: { readonly leastMs: number; readonly mostMs: number },
): number | undefined {
  if (value === undefined) return undefined;
  const ms = Number(value.seconds) * MS_PER_SECOND + Math.ceil(value.nanos / NANOS_PER_MS);
  if (value.seconds < 0n) {
    found.push({ field, description: 'must not be negative' });
  } else if (value.nanos < 0 || value.nanos >= NANOS_PER_SECOND) {
    found.push({ field, description: 'must have nanos from 0 to 999999999' });
  } else if (ms < bounds.leastMs) {
    found.push({ field, description: 'must be more than 0' });
  } else if (ms > bounds.mostMs) {
    found.push({ field, description: `must be at most ${bounds.mostMs / MS_PER_SECOND} seconds` });
  }
  return ms;
}
