import type { WindowReading } from './counter.ts';

/** An HTTP header field for the caller to pass on. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** A window as far as headers speak of it; one that could not be read is left out. */
export type HeaderWindow = Pick<
  WindowReading,
  'limitId' | 'lengthMs' | 'limit' | 'remaining' | 'resetAfterMs'
> & { readonly outage: boolean };

const MS_PER_SECOND = 1_000;
/** Most that an integer of RFC 9651 can say. */
const MAX_SF_INTEGER = 999_999_999_999_999;

/**
 * X-RateLimit-Limit, -Remaining and -Reset (seconds from now) of the tightest window, and the
 * structured fields RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10 for
 * every window. The edge writes the same without the texts between (src/server/write-windows.ts).
 * @param windows tightest first.
 */
export function rateLimitHeaders(windows: readonly HeaderWindow[]): HeaderField[] {
  let tightest: HeaderWindow | undefined;
  let state = '';
  let policy = '';
  for (const window of windows) {
    if (window.outage) continue;
    const separator = tightest === undefined ? '' : ', ';
    const item = headerItemOf(window);
    state += `${separator}${item.name};r=${wholeAmount(window.remaining)}${resetOf(window)}`;
    policy += separator + item.policy;
    tightest ??= window;
  }
  if (tightest === undefined) return [];
  return [
    { name: 'X-RateLimit-Limit', value: String(wholeAmount(tightest.limit)) },
    { name: 'X-RateLimit-Remaining', value: String(wholeAmount(tightest.remaining)) },
    { name: 'X-RateLimit-Reset', value: String(wholeSeconds(tightest.resetAfterMs)) },
    { name: 'RateLimit', value: state },
    { name: 'RateLimit-Policy', value: policy },
  ];
}

/**
 * Retry-After in whole seconds, for a denial.
 * @param waitsMs how long each reason of the denial lasts; undefined when time alone does not lift
 *   it.
 * @returns undefined when there is nothing to wait for, or when waiting does not help.
 */
export function retryAfterHeader(
  waitsMs: readonly (number | undefined)[],
): HeaderField | undefined {
  let longestMs = 0;
  for (const waitMs of waitsMs) {
    if (waitMs === undefined || !Number.isFinite(waitMs)) return undefined;
    longestMs = Math.max(longestMs, waitMs);
  }
  if (waitsMs.length === 0) return undefined;
  return { name: 'Retry-After', value: String(wholeSeconds(longestMs)) };
}

/** What the structured fields say of a window in every answer; ASCII. */
export function headerItemOf(window: Pick<HeaderWindow, 'limitId' | 'lengthMs' | 'limit'>): {
  /** With which an item of either field begins. */
  readonly name: string;
  /** The whole item of RateLimit-Policy. */
  readonly policy: string;
} {
  const name = policyName(window);
  const { limit, lengthMs } = window;
  return { name, policy: `${name};q=${wholeAmount(limit)};w=${wholeSeconds(lengthMs)}` };
}

function resetOf({ resetAfterMs }: HeaderWindow): string {
  return resetAfterMs > 0 ? `;t=${wholeSeconds(resetAfterMs)}` : '';
}

/**
 * Names a window within a call: a limit counts one scope per call, so its id and the length are
 * enough.
 */
function policyName({ limitId, lengthMs }: Pick<HeaderWindow, 'limitId' | 'lengthMs'>): string {
  const seconds = lengthMs / MS_PER_SECOND;
  const length = Number.isInteger(seconds) ? seconds : `${lengthMs}ms`;
  return `"${sfText(limitId)}-${length}"`;
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * The inside of a string of RFC 9651: printable ASCII, quote and backslash escaped; the rest cannot
 * be said.
 */
function sfText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
}

/** Seconds as a header says them: rounded up, so that nobody comes back a moment too early. */
export function wholeSeconds(ms: number): number {
  return Math.min(MAX_SF_INTEGER, Math.max(0, Math.ceil(ms / MS_PER_SECOND)));
}

/** An amount as a header says it. */
export function wholeAmount(amount: number): number {
  return Math.min(MAX_SF_INTEGER, Math.max(0, Math.floor(amount)));
}
