import { InvalidArgumentError, Option } from 'commander';
import { parseUsd } from '../lib/money.ts';

// Readers of option values. Each refuses what it cannot read exactly; commander names the option.

const MAX_INT64 = 2n ** 63n - 1n;

/** Tokens and other amounts of the contract. */
export function wholeNumber(text: string): bigint {
  if (!/^\d{1,19}$/.test(text))
    throw new InvalidArgumentError('Expected a whole number, 0 or more.');
  const value = BigInt(text);
  if (value > MAX_INT64) throw new InvalidArgumentError(`Expected at most ${MAX_INT64}.`);
  return value;
}

/** @returns micro-USD */
export function usd(text: string): bigint {
  const amount = parseUsd(text);
  if (amount !== undefined) return amount;
  throw new InvalidArgumentError(
    'Expected US dollars with at most six decimal places, for example 0.30.',
  );
}

export function countBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** ISO 8601 with its zone, or a day, which begins in UTC. @returns milliseconds since the epoch */
export function momentMs(text: string): number {
  const moment = /^\d{4}-\d{2}-\d{2}(T.+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(moment)) return moment;
  throw new InvalidArgumentError(
    'Expected a moment such as 2026-11-21T09:00:00Z, or a day such as 2026-11-21.',
  );
}

/** A day of the calendar, "2026-11-21". */
export function calendarDay(text: string): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  // "2026-02-30" would be read as a day in March.
  if (day && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)) return text;
  throw new InvalidArgumentError('Expected a day such as 2026-11-21.');
}

/** A month of the calendar, "2026-11". */
export function calendarMonth(text: string): string {
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw new InvalidArgumentError('Expected a month such as 2026-10.');
}

const SPAN = /^(\d{1,9})(ms|s|m|h)$/;
const SPAN_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** "500ms", "30s", "5m", "1h". @returns milliseconds */
export function spanMs(text: string): number {
  const [, count, unit] = SPAN.exec(text) ?? [];
  if (unit === undefined) {
    throw new InvalidArgumentError('Expected a time such as 500ms, 30s, 5m or 1h.');
  }
  return Number(count) * SPAN_MS[unit as keyof typeof SPAN_MS];
}

/** For options that may be given more than once. */
export function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** "name=value"; the value is read as JSON where it is JSON, else as text. */
export function collectAttribute(
  text: string,
  before: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...before, [text.slice(0, equals)]: jsonOrText(text.slice(equals + 1)) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export const addressOption = (): Option =>
  new Option(
    '--address <address>',
    'the sidecar: unix:/path or host:port (default: as `serve` listens)',
  );

export const jsonOption = (): Option => new Option('--json', 'print one line of JSON for programs');
