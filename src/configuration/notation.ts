import { MAX_WINDOW_MS } from './bounds.ts';

/**
 * How values are written in the configuration file and in the environment. Each reader answers
 * undefined on refusal.
 */

const IDENTIFIER = /^[A-Za-z0-9._:@-]{1,128}$/;

export function parseIdentifier(text: string): string | undefined {
  return IDENTIFIER.test(text) ? text : undefined;
}

export const UNIT_MS = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
} as const;

const LETTER_MS: Readonly<Record<string, number>> = {
  s: UNIT_MS.second,
  m: UNIT_MS.minute,
  h: UNIT_MS.hour,
  d: UNIT_MS.day,
};
const DURATION = /^([1-9]\d{0,7})([smhd])$/;

/** Reads "minute" or "15m" as milliseconds. */
export function parseWindowLength(text: string): number | undefined {
  if (Object.hasOwn(UNIT_MS, text)) return UNIT_MS[text as keyof typeof UNIT_MS];
  const match = DURATION.exec(text);
  if (!match) return undefined;
  const lengthMs = Number(match[1]) * LETTER_MS[match[2]!]!;
  return lengthMs <= MAX_WINDOW_MS ? lengthMs : undefined;
}

const THOUSANDTHS = /^(\d{1,9})(?:\.(\d{1,9}))?$/;
const FACTOR_PLACES = 3;

/**
 * Reads a decimal such as "1.5" as thousandths, exactly; more than three significant places are
 * refused.
 */
export function parseFactor(text: string): bigint | undefined {
  const match = THOUSANDTHS.exec(text.trim());
  if (!match) return undefined;
  const [, whole = '0', fraction = ''] = match;
  const places = fraction.replace(/0+$/, '');
  if (places.length > FACTOR_PLACES) return undefined;
  return BigInt(whole) * 1000n + BigInt(places.padEnd(FACTOR_PLACES, '0'));
}

const PERCENTAGE = /^(\d{1,4}(?:\.\d)?)%$/;

/** Reads "82.5%" as thousandths: 825. */
export function parsePercentage(text: string): number | undefined {
  const match = PERCENTAGE.exec(text.trim());
  const perMille = match ? parseFactor(match[1]!) : undefined;
  return perMille === undefined ? undefined : Number(perMille) / 100;
}

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Reads RFC 3339 as milliseconds since the Unix epoch; a day that does not exist is refused. */
export function parseInstant(text: string): number | undefined {
  const match = INSTANT.exec(text);
  if (!match) return undefined;
  const day = new Date(`${match[1]!}T00:00:00Z`);
  const exists = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(match[1]!);
  return exists ? Date.parse(text) : undefined;
}
