import type { TollgateError } from './errors.ts';

/** How a request is repeated. Every repeat carries the same request id, so it has one effect. */
export interface RetryPolicy {
  /** Most times that a request is sent, the first included. */
  readonly attempts: number;
  /** Wait before the first repeat, in milliseconds; doubled for each further one. */
  readonly baseDelayMs: number;
  /** Longest wait. A server that asks for a longer one is not asked again. */
  readonly maxDelayMs: number;
}

/** Five tries wait about a second and a half in all: a sidecar that restarts is back by then. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, baseDelayMs: 100, maxDelayMs: 2_000 };

/**
 * How long to wait before the same request is sent again; undefined when it must not be.
 * @param random between 0 and 1; spreads callers that failed together.
 */
export function delayBeforeRepeatMs(
  error: TollgateError,
  policy: RetryPolicy,
  random: number,
): number | undefined {
  if (error.attempts >= policy.attempts || !isTransient(error)) return undefined;
  const asked = error.retryDelayMs ?? 0;
  if (asked > policy.maxDelayMs) return undefined;
  const doubled = Math.min(policy.baseDelayMs * 2 ** (error.attempts - 1), policy.maxDelayMs);
  // Half is fixed, so that a repeat is never immediate; half is random.
  return Math.max(asked, doubled / 2 + (doubled / 2) * random);
}

/** RESOURCE_EXHAUSTED without a delay is a request that is too large, not a server that is busy. */
function isTransient({ code, retryDelayMs }: TollgateError): boolean {
  if (code === 'RESOURCE_EXHAUSTED') return retryDelayMs !== undefined;
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED';
}
