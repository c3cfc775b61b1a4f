import type { z } from 'zod';
import { DIMENSIONS, type Dimension, type Scope } from '../scope/scope.ts';
import {
  MAX_AMOUNT,
  MAX_BURST_MULTIPLIER,
  MAX_COMPLEXITY_FACTOR,
  MAX_TEXT_LENGTH,
  MAX_WINDOW_MS,
} from './bounds.ts';
import {
  parseFactor,
  parseIdentifier,
  parseInstant,
  parsePercentage,
  parseWindowLength,
  UNIT_MS,
} from './notation.ts';
import { parseTimeZone } from '../lib/time-zone.ts';
import { parseUsd, type MicroUsd } from '../lib/money.ts';
import { NumberText, REFUSED, scalar, type Read } from './scalar.ts';
import { didYouMean } from './suggest.ts';

/**
 * The kinds of field that tollgate.yaml is made of. Each says what it expects, to people and to
 * editors.
 */

export const identifier = scalar<string>({
  expected: 'an id: 1 to 128 of the characters A-Z a-z 0-9 . _ : @ -',
  json: { type: 'string', pattern: '^[A-Za-z0-9._:@-]{1,128}$' },
  read: (value) =>
    okUnlessUndefined(typeof value === 'string' ? parseIdentifier(value) : undefined),
});

export const text = scalar<string>({
  expected: `text of at most ${MAX_TEXT_LENGTH} characters`,
  json: { type: 'string', minLength: 1, maxLength: MAX_TEXT_LENGTH },
  read: (value) =>
    typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_LENGTH
      ? { ok: value }
      : REFUSED,
});

export const flag = scalar<boolean>({
  expected: 'true or false',
  json: { type: 'boolean' },
  read: (value) => (typeof value === 'boolean' ? { ok: value } : REFUSED),
});

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export function whole({ least, most }: Bounds): z.ZodType<number> {
  return scalar<number>({
    expected: `a whole number from ${least} to ${most}`,
    json: { type: 'integer', minimum: least, maximum: most },
    read: (value) =>
      typeof value === 'number' && value >= least && value <= most ? { ok: value } : REFUSED,
  });
}

/** One of a few words, with a suggestion for a near miss. */
export function choice<const T extends string>(words: readonly T[]): z.ZodType<T> {
  return scalar<T>({
    expected: wordsOf(words),
    json: { type: 'string', enum: [...words] },
    read: (value) => {
      const word = words.find((one) => one === value);
      if (word !== undefined) return { ok: word };
      return { no: typeof value === 'string' ? didYouMean(value, words) : '' };
    },
  });
}

const USD_PATTERN = '^[$]?[0-9]{1,12}([.][0-9]{1,6})?$';

/** Money as text or as a number; a number is read from its digits in the file. */
export const money = scalar<MicroUsd>({
  expected: 'US dollars such as "0.30": a decimal that is not negative, at most 6 places',
  json: {
    anyOf: [
      { type: 'string', pattern: USD_PATTERN },
      { type: 'number', minimum: 0 },
    ],
  },
  read: (value) => okUnlessUndefined(usdOf(value)),
});

/** Not capped at all. */
const UNLIMITED: Read<undefined> = { ok: undefined };

export const moneyCap = scalar<MicroUsd | undefined>({
  expected:
    'US dollars such as "0.30": a decimal that is not negative, at most 6 places (0 blocks, null or -1 is unlimited)',
  json: {
    anyOf: [
      { type: 'string', pattern: USD_PATTERN },
      { type: 'number', minimum: 0 },
      { const: -1 },
      { type: 'null' },
    ],
  },
  read: (value) => (isUnlimited(value) ? UNLIMITED : okUnlessUndefined(usdOf(value))),
});

export const amountCap = scalar<bigint | undefined>({
  expected: `a whole number from 0 to ${MAX_AMOUNT} (0 blocks, null or -1 is unlimited)`,
  json: { anyOf: [{ type: 'integer', minimum: -1, maximum: MAX_AMOUNT }, { type: 'null' }] },
  read: (value) => {
    if (isUnlimited(value)) return UNLIMITED;
    return isAmount(value) ? { ok: BigInt(value) } : REFUSED;
  },
});

/** A count of requests in a window; undefined means that there is no such window. */
export function countCap(most: number): z.ZodType<number | undefined> {
  return scalar<number | undefined>({
    expected: `a whole number from 0 to ${most} (0 blocks, null or -1 is unlimited)`,
    json: { anyOf: [{ type: 'integer', minimum: -1, maximum: most }, { type: 'null' }] },
    read: (value) => {
      if (isUnlimited(value)) return UNLIMITED;
      return isAmount(value) && value <= most ? { ok: value } : REFUSED;
    },
  });
}

/** A share as thousandths: "82.5%" is 825. */
export function percentage(mostPerMille: number): z.ZodType<number> {
  return scalar<number>({
    expected: `a percentage such as "80%", above 0% and at most ${mostPerMille / 10}%, at most one decimal place`,
    json: { type: 'string', pattern: '^[0-9]{1,4}([.][0-9])?%$' },
    read: (value) => {
      const perMille = typeof value === 'string' ? parsePercentage(value) : undefined;
      return perMille !== undefined && perMille > 0 && perMille <= mostPerMille
        ? { ok: perMille }
        : REFUSED;
    },
  });
}

export const burstMultiplier = scalar<number>({
  expected: `a number from 1 to ${MAX_BURST_MULTIPLIER}, at most 3 decimal places`,
  json: { type: 'number', minimum: 1, maximum: MAX_BURST_MULTIPLIER },
  read: (value) => {
    const perMille = factorOf(value);
    const fits =
      perMille !== undefined && perMille >= 1000n && perMille <= MAX_BURST_MULTIPLIER * 1000;
    return fits ? { ok: Number(perMille) / 1000 } : REFUSED;
  },
});

/** A factor as thousandths. */
export const complexityFactor = scalar<bigint>({
  expected: `a number above 0 and at most ${MAX_COMPLEXITY_FACTOR}, at most 3 decimal places`,
  json: { type: 'number', exclusiveMinimum: 0, maximum: MAX_COMPLEXITY_FACTOR },
  read: (value) => {
    const perMille = factorOf(value);
    const fits =
      perMille !== undefined && perMille > 0n && perMille <= MAX_COMPLEXITY_FACTOR * 1000;
    return fits ? { ok: perMille } : REFUSED;
  },
});

export const timeZone = scalar<string>({
  expected: 'an IANA time zone such as "Europe/Berlin" or "UTC"',
  json: { type: 'string', examples: ['UTC', 'America/New_York', 'Europe/Berlin'] },
  read: (value) => {
    if (typeof value !== 'string') return REFUSED;
    const zone = parseTimeZone(value);
    return zone === undefined
      ? { no: didYouMean(value, Intl.supportedValuesOf('timeZone')) }
      : { ok: zone };
  },
});

/** A moment as milliseconds since the Unix epoch. */
export const instant = scalar<number>({
  expected: 'a moment with its offset, such as "2027-01-31T18:00:00Z"',
  json: { type: 'string', format: 'date-time' },
  read: (value) => okUnlessUndefined(typeof value === 'string' ? parseInstant(value) : undefined),
});

/** Length of a window in milliseconds. */
export const windowLength = scalar<number>({
  expected: `${Object.keys(UNIT_MS).join(', ')}, or a duration from 1s to ${MAX_WINDOW_MS / UNIT_MS.day}d such as "90s", "15m", "6h", "30d"`,
  json: { type: 'string', pattern: '^(second|minute|hour|day|[1-9][0-9]{0,7}[smhd])$' },
  read: (value) => {
    if (typeof value !== 'string') return REFUSED;
    const lengthMs = parseWindowLength(value);
    return lengthMs === undefined
      ? { no: didYouMean(value, Object.keys(UNIT_MS)) }
      : { ok: lengthMs };
  },
});

const GLOBAL = 'global';

/** What a limit is counted apart by; the order written does not matter. */
export const limitScope: z.ZodType<Scope> = scopeField([GLOBAL, ...DIMENSIONS]);

/** Every account belongs to a tenant, so that a budget is never global. */
export const budgetScope: z.ZodType<Scope> = scopeField(DIMENSIONS);

function scopeField(words: readonly string[]): z.ZodType<Scope> {
  const dimension = { type: 'string', enum: [...DIMENSIONS] };
  return scalar<Scope>({
    expected: `${wordsOf(words)}, or a list of ${wordsOf(DIMENSIONS, 'and')}`,
    json: {
      anyOf: [
        { type: 'string', enum: [...words] },
        { type: 'array', items: dimension, minItems: 1, uniqueItems: true },
      ],
    },
    read: (value) => {
      if (value === GLOBAL && words.includes(GLOBAL)) return { ok: [] };
      const given: readonly unknown[] = Array.isArray(value) ? value : [value];
      const stranger = given.find((one) => !isDimension(one));
      if (stranger === GLOBAL && given.length > 1) return { no: '; "global" stands alone' };
      if (stranger !== undefined || given.length === 0) {
        return { no: typeof stranger === 'string' ? didYouMean(stranger, words) : '' };
      }
      if (new Set(given).size < given.length) return { no: ' with a repetition' };
      return { ok: DIMENSIONS.filter((one) => given.includes(one)) };
    },
  });
}

/** What an attribute may equal. */
export const attributeValue = scalar<string | number | boolean>({
  expected: 'text, a number, true or false',
  json: { type: ['string', 'number', 'boolean'] },
  read: (value) => {
    const plain = value instanceof NumberText ? value.value : value;
    if (typeof plain === 'number') return Number.isFinite(plain) ? { ok: plain } : REFUSED;
    return typeof plain === 'string' || typeof plain === 'boolean' ? { ok: plain } : REFUSED;
  },
});

/** Any value that JSON can carry, for the parameters of an obligation. */
export const anything = scalar<unknown>({
  expected: 'a value that JSON can carry',
  json: {},
  read: (value) => ({ ok: plainOf(value) }),
});

/** "a, b or c". */
export function wordsOf(words: readonly string[], joiner = 'or'): string {
  if (words.length === 1) return `"${words[0]!}"`;
  return `${words.slice(0, -1).join(', ')} ${joiner} ${words.at(-1)!}`;
}

function okUnlessUndefined<T>(value: T | undefined): Read<T> {
  return value === undefined ? REFUSED : { ok: value };
}

function usdOf(value: unknown): MicroUsd | undefined {
  if (value instanceof NumberText) return parseUsd(value.source);
  if (typeof value === 'number') return parseUsd(String(value));
  return typeof value === 'string' ? parseUsd(value) : undefined;
}

function factorOf(value: unknown): bigint | undefined {
  if (value instanceof NumberText) return parseFactor(value.source);
  return typeof value === 'number' ? parseFactor(String(value)) : undefined;
}

function isUnlimited(value: unknown): boolean {
  return value === null || value === -1;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_AMOUNT;
}

function isDimension(value: unknown): value is Dimension {
  return DIMENSIONS.some((dimension) => dimension === value);
}

function plainOf(value: unknown): unknown {
  if (value instanceof NumberText) return value.value;
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainOf(inner)]));
}
