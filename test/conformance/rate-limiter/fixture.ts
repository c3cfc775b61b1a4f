import { randomUUID } from 'node:crypto';

import type { RateLimiter, TakeOutcome, TakeRequest } from '../../../src/decision/ports.ts';
import type { ManualClock } from '../../../src/lib/clock.ts';
import type { CounterSpec, WindowReading, WindowSpec } from '../../../src/limits/counter.ts';

/** An adapter under test, on a store of its own, with the clock that stands for its store's. */
export interface RateLimiterFixture extends AsyncDisposable {
  readonly limiter: RateLimiter;
  readonly clock: ManualClock;
}

/** Far from the edges of sub-buckets of every window used here: 7 ms after a whole minute. */
export const START_MS = 1_790_000_040_007;
export const MINUTE_MS = 60_000;

export function windowOf(limit: number, lengthMs = MINUTE_MS): WindowSpec {
  return { lengthMs, limit };
}

export function counterOf(change: Partial<CounterSpec> & { limit?: number } = {}): CounterSpec {
  const { limit = 10, ...rest } = change;
  return {
    limitId: 'calls',
    scope: 'user:alice',
    crossTenant: false,
    algorithm: 'strict',
    windows: [windowOf(limit)],
    cost: 1,
    unit: 'requests',
    onOutage: 'deny',
    localPerMille: 0,
    ...rest,
  };
}

export function requestOf(
  tenant: string,
  counters: readonly CounterSpec[],
  requestId: string = randomUUID(),
): TakeRequest {
  return { tenant, requestId, fingerprint: 'body-1', callId: `call-${requestId}`, counters };
}

/** The readings of an outcome that has them. */
export function windowsOf(outcome: TakeOutcome): readonly WindowReading[] {
  if (outcome.kind !== 'taken' && outcome.kind !== 'denied') throw new Error(outcome.kind);
  return outcome.windows;
}

export async function peekAt(
  limiter: RateLimiter,
  tenant: string,
  counters: readonly CounterSpec[],
): Promise<readonly WindowReading[]> {
  const readings = await limiter.peek(tenant, counters);
  if ('kind' in readings) throw new Error(readings.problem);
  return readings;
}

/** How many of the outcomes are of each kind. */
export function tally(outcomes: readonly TakeOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
