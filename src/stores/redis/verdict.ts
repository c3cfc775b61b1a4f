import type { TakeOutcome } from '../../decision/ports.ts';
import type { CounterSpec, WindowReading, WindowSpec } from '../../limits/counter.ts';

/** The layouts are those that lua/take.lua and lua/peek.lua describe. */
const KIND_DENIED = 0;
const LENGTH_AT = 7;
const HEAD_BYTES = 9;
const TIME_BYTES = 8;
const NEVER = 2 ** 32 - 1;

const DECIDED = 0;
const REPEATED = 1;
const CONFLICT = 2;

/** What take.lua answered for one decision, as an outcome of the port. */
export function outcomeOf(
  status: unknown,
  verdict: unknown,
  counters: readonly CounterSpec[],
): TakeOutcome {
  if (status === CONFLICT) return { kind: 'conflict' };
  const known = status === DECIDED || status === REPEATED;
  if (!known || !Buffer.isBuffer(verdict) || verdict.length < HEAD_BYTES)
    return { kind: 'unavailable', problem: FOREIGN };
  const denied = verdict.readUInt8(0) === KIND_DENIED;
  const body = HEAD_BYTES + verdict.readUInt16LE(LENGTH_AT);
  const readings = verdict.subarray(denied ? body : body + TIME_BYTES * counters.length);
  const windows = readingsOf(readings, counters, denied);
  if (windows === undefined) return { kind: 'unavailable', problem: FOREIGN };
  return { kind: denied ? 'denied' : 'taken', replayed: status === REPEATED, windows };
}

/** A value under one of our keys was not written by us; nothing was taken. */
export const FOREIGN = 'a key of ours in Redis holds something else';

/**
 * Reads u32 remaining, reset and, if asked for, retry for each window; undefined when there is not
 * one for each.
 */
export function readingsOf(
  bytes: Buffer,
  counters: readonly CounterSpec[],
  withRetry: boolean,
): readonly WindowReading[] | undefined {
  const readingBytes = withRetry ? 12 : 8;
  let count = 0;
  for (const { windows } of counters) count += windows.length;
  if (bytes.length !== count * readingBytes) return undefined;
  const readings: WindowReading[] = [];
  let at = 0;
  for (const counter of counters) {
    for (const window of counter.windows) {
      const retryAfterMs = withRetry ? bytes.readUInt32LE(at + 8) : 0;
      readings.push(reading(counter, window, bytes, at, retryAfterMs));
      at += readingBytes;
    }
  }
  return readings;
}

function reading(
  { limitId, scope, unit }: CounterSpec,
  { lengthMs, limit }: WindowSpec,
  bytes: Buffer,
  at: number,
  retryAfterMs: number,
): WindowReading {
  return {
    limitId,
    scope,
    unit,
    lengthMs,
    limit,
    remaining: bytes.readUInt32LE(at),
    resetAfterMs: bytes.readUInt32LE(at + 4),
    violated: retryAfterMs > 0,
    retryAfterMs: retryAfterMs === NEVER ? Infinity : retryAfterMs,
  };
}
