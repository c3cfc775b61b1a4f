import { describe, expect, it } from 'vitest';
import { rateLimitHeaders, retryAfterHeader, type HeaderWindow } from './headers.ts';

const minute: HeaderWindow = {
  limitId: 'user-rate',
  lengthMs: 60_000,
  limit: 10,
  remaining: 5,
  resetAfterMs: 29_001,
  outage: false,
};
const hour: HeaderWindow = {
  ...minute,
  lengthMs: 3_600_000,
  limit: 100,
  remaining: 90,
  resetAfterMs: 0,
};

function fields(windows: readonly HeaderWindow[]): Record<string, string> {
  return Object.fromEntries(rateLimitHeaders(windows).map(({ name, value }) => [name, value]));
}

describe('rate limit headers', () => {
  it('R30: the X- fields speak of the tightest window, the structured fields of all', () => {
    expect(fields([minute, hour])).toEqual({
      'X-RateLimit-Limit': '10',
      'X-RateLimit-Remaining': '5',
      'X-RateLimit-Reset': '30',
      RateLimit: '"user-rate-60";r=5;t=30, "user-rate-3600";r=90',
      'RateLimit-Policy': '"user-rate-60";q=10;w=60, "user-rate-3600";q=100;w=3600',
    });
  });

  it('R30: no window, no header', () => {
    expect(rateLimitHeaders([])).toEqual([]);
  });

  it('R30: a window that could not be read is not spoken of as if it were', () => {
    const unread = { ...minute, remaining: 0, outage: true };
    expect(rateLimitHeaders([unread])).toEqual([]);
    expect(fields([unread, hour])['X-RateLimit-Limit']).toBe('100');
    expect(fields([unread, hour]).RateLimit).toBe('"user-rate-3600";r=90');
  });

  it('R30: a window shorter than a second has a name of its own and a whole length', () => {
    const burst = { ...minute, lengthMs: 500 };
    expect(fields([burst])['RateLimit-Policy']).toBe('"user-rate-500ms";q=10;w=1');
  });

  it('R30: what a structured string cannot hold is escaped or replaced, so that fields always parse', () => {
    const odd = { ...minute, limitId: 'a"b\\c\u00e9\n' };
    expect(fields([odd])['RateLimit-Policy']).toBe('"a\\"b\\\\c??-60";q=10;w=60');
  });

  it('R30: numbers stay within 15 digits, whole and not negative', () => {
    const huge = { ...minute, limit: 1e18, remaining: -3 };
    expect(fields([huge])['X-RateLimit-Limit']).toBe('999999999999999');
    expect(fields([huge])['X-RateLimit-Remaining']).toBe('0');
  });
});

describe('Retry-After', () => {
  it('R29: is the longest wait in whole seconds, rounded up', () => {
    expect(retryAfterHeader([1_001, 400])).toEqual({ name: 'Retry-After', value: '2' });
  });

  it('R29: is absent when time alone does not lift every reason', () => {
    expect(retryAfterHeader([1_000, undefined])).toBeUndefined();
    expect(retryAfterHeader([1_000, Infinity])).toBeUndefined();
    expect(retryAfterHeader([])).toBeUndefined();
  });
});
