import { z } from 'zod';
import { parseUsd, type MicroUsd } from '../lib/money.ts';
import { parseRedisAddress } from '../lib/redis-address.ts';
import { MAX_BURST_MULTIPLIER } from './bounds.ts';
import { parseFactor } from './notation.ts';
import { REFUSED, scalar, type Read } from './scalar.ts';

/**
 * The kinds of environment variable. Money and shares are read from the text, never through
 * floating point.
 */

function fromText<T>(expected: string, read: (text: string) => Read<T>): z.ZodType<T> {
  return scalar<T>({
    expected,
    json: {},
    read: (value) => (typeof value === 'string' ? read(value.trim()) : REFUSED),
  });
}

/** Its value is never repeated, also when it is wrong. */
function secret<T>(expected: string, read: (text: string) => T | undefined): z.ZodType<T> {
  return z
    .unknown()
    .transform((value, context): T => {
      const answer = typeof value === 'string' ? read(value.trim()) : undefined;
      if (answer !== undefined) return answer;
      context.issues.push({ code: 'custom', message: `expected ${expected}`, input: '' });
      return z.NEVER;
    })
    .meta({ expected });
}

export const anyText = fromText('text', (text) => ({ ok: text }));

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

export const flag = fromText<boolean>('true or false', (text) => {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return { ok: true };
  return FALSE.has(word) ? { ok: false } : REFUSED;
});

export function wholeNumber(least: number, most: number): z.ZodType<number> {
  return fromText(`a whole number from ${least} to ${most}`, (text) =>
    /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most
      ? { ok: Number(text) }
      : REFUSED,
  );
}

/** Text that says so, instead of a number; undefined afterwards. */
const UNLIMITED = '-1';

export function count(most: number): z.ZodType<number | undefined> {
  return fromText<number | undefined>(
    `a whole number from 0 to ${most} (0 blocks, -1 is unlimited)`,
    (text) => {
      if (text === UNLIMITED) return { ok: undefined };
      return /^\d{1,15}$/.test(text) && Number(text) <= most ? { ok: Number(text) } : REFUSED;
    },
  );
}

export const usd = fromText<MicroUsd>(
  'US dollars such as 0.05: a decimal that is not negative, at most 6 places',
  (text) => okOrRefused(parseUsd(text)),
);

export const usdCap = fromText<MicroUsd | undefined>(
  'US dollars such as 100.0: a decimal that is not negative, at most 6 places (0 blocks, -1 is unlimited)',
  (text) => (text === UNLIMITED ? { ok: undefined } : okOrRefused(parseUsd(text))),
);

/** As thousandths. */
export const share = fromText<number>(
  'a share such as 0.80: above 0 and at most 1, at most 3 decimal places',
  (text) => {
    const perMille = parseFactor(text);
    return perMille !== undefined && perMille > 0n && perMille <= 1000n
      ? { ok: Number(perMille) }
      : REFUSED;
  },
);

export const multiplier = fromText<number>(
  `a number from 1 to ${MAX_BURST_MULTIPLIER}, at most 3 decimal places`,
  (text) => {
    const perMille = parseFactor(text);
    return perMille !== undefined && perMille >= 1000n && perMille <= MAX_BURST_MULTIPLIER * 1000
      ? { ok: Number(perMille) / 1000 }
      : REFUSED;
  },
);

const MAX_TIMEOUT_SECONDS = 60;

/** As milliseconds. */
export const seconds = fromText<number>(
  `seconds, above 0 and at most ${MAX_TIMEOUT_SECONDS}, at most 3 decimal places`,
  (text) => {
    const ms = parseFactor(text);
    return ms !== undefined && ms > 0n && ms <= MAX_TIMEOUT_SECONDS * 1000
      ? { ok: Number(ms) }
      : REFUSED;
  },
);

export const ratio = fromText<number>('a number from 0 to 1', (text) =>
  /^(0(\.\d+)?|1(\.0+)?|\.\d+)$/.test(text) ? { ok: Number(text) } : REFUSED,
);

export function url(expected: string, protocols: readonly string[]): z.ZodType<string> {
  return secret(expected, (text) =>
    URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined,
  );
}

export const keyPrefix = fromText<string>('1 to 64 of A-Z a-z 0-9 . _ : @ / -', (text) =>
  /^[A-Za-z0-9._:@/-]{1,64}$/.test(text) ? { ok: text } : REFUSED,
);

export const redisUrl = secret<string>(
  'redis://host:port/0, rediss://…, unix:///path, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port',
  (text) => (parseRedisAddress(text) ? text : undefined),
);

export const endpoint = url('a URL such as http://localhost:4318', ['http:', 'https:']);

const LEAST_KEY_BYTES = 32;

/** At least 32 bytes. */
export const keyMaterial = secret<Uint8Array>(
  `at least ${LEAST_KEY_BYTES} bytes in hex or base64, such as \`openssl rand -hex 32\` prints`,
  (text) => {
    const isHex = /^([0-9A-Fa-f]{2})+$/.test(text);
    if (!isHex && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
    const key = Buffer.from(text, isHex ? 'hex' : 'base64');
    return key.length >= LEAST_KEY_BYTES ? key : undefined;
  },
);

/** A secret of a feature that does not exist yet: accepted as it is. */
export const sealed = secret<string>('text', (text) => text);

function okOrRefused<T>(value: T | undefined): Read<T> {
  return value === undefined ? REFUSED : { ok: value };
}
