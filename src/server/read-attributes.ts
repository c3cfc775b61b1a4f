import type { Violation } from './fields.ts';

/**
 * Attributes of a call, safe to look up by any name, and their canonical text for the fingerprint.
 */
export interface AttributesRead {
  readonly attributes: Readonly<Record<string, unknown>>;
  /** JSON with the keys of every map in order; empty when there are none. */
  readonly canonical: string;
}

const MAX_ENTRIES = 64;
/** A flat map is one level deep. */
const MAX_DEPTH = 8;
const MAX_BYTES = 16 * 1024;

const FIELD = 'call.attributes';
const NONE: AttributesRead = { attributes: Object.freeze(emptyMap()), canonical: '' };

/**
 * Copies a google.protobuf.Struct into maps that inherit nothing, so that no name ("constructor",
 * "__proto__") reads anything but what the caller sent, with sorted keys, so that equal maps have
 * equal canonical texts.
 */
export function readAttributes(
  found: Violation[],
  sent: Readonly<Record<string, unknown>> | undefined,
): AttributesRead {
  if (sent === undefined) return NONE;
  const keys = Object.keys(sent);
  if (keys.length === 0) return NONE;
  if (keys.length > MAX_ENTRIES) {
    found.push({ field: FIELD, description: `must have at most ${MAX_ENTRIES} entries` });
    return NONE;
  }
  const copy = copyMap(sent, keys, 1);
  if (typeof copy === 'string') {
    found.push({ field: FIELD, description: copy });
    return NONE;
  }
  const canonical = JSON.stringify(copy);
  if (Buffer.byteLength(canonical) > MAX_BYTES) {
    found.push({ field: FIELD, description: `must take at most ${MAX_BYTES} bytes as JSON` });
  }
  return { attributes: copy, canonical };
}

function emptyMap(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

type Copied = Record<string, unknown> | unknown[] | number | boolean | null;

/**
 * @returns the copy, or what is wrong. Recursion is bounded by MAX_DEPTH, and by the decoder before
 *   it.
 */
function copyMap(
  map: Readonly<Record<string, unknown>>,
  keys: string[],
  depth: number,
): Record<string, unknown> | string {
  if (depth > MAX_DEPTH) return `must be at most ${MAX_DEPTH} levels deep`;
  const copy = emptyMap();
  for (const key of keys.length > 1 ? keys.sort() : keys) {
    const value = map[key];
    if (typeof value === 'string') {
      copy[key] = value;
      continue;
    }
    const copied = copyOther(value, depth);
    if (typeof copied === 'string') return copied;
    copy[key] = copied;
  }
  return copy;
}

/** Copies whatever is not text; answers text when something is wrong. */
function copyOther(value: unknown, depth: number): Copied | string {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : 'must hold finite numbers only';
  }
  if (Array.isArray(value)) return copyList(value, depth + 1);
  const map = value as Record<string, unknown>;
  return copyMap(map, Object.keys(map), depth + 1);
}

function copyList(list: readonly unknown[], depth: number): unknown[] | string {
  if (depth > MAX_DEPTH) return `must be at most ${MAX_DEPTH} levels deep`;
  const copy: unknown[] = [];
  for (const value of list) {
    const copied = typeof value === 'string' ? undefined : copyOther(value, depth);
    if (typeof copied === 'string') return copied;
    copy.push(typeof value === 'string' ? value : copied);
  }
  return copy;
}
