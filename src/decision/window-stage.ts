import type { CounterSpec, WindowReading } from '../limits/counter.ts';
import type { LimitSelection } from '../limits/limit-set.ts';
import type { WindowStatus } from './decision.ts';
import type { Conflict, Overloaded, RateLimiter, TakeOutcome, TakeRequest } from './ports.ts';
import type { Reason } from './reasons.ts';

/** What the rate windows say. */
export interface WindowStage {
  readonly kind: 'windows';
  readonly allowed: boolean;
  readonly reasons: readonly Reason[];
  readonly windows: readonly WindowStatus[];
  /** Whether the windows gave something, now or to an earlier try of the same request. */
  readonly taken: 'now' | 'before' | 'nothing';
  /** True when the store could not answer: the answer must not stand for the request for good. */
  readonly outage: boolean;
}

/** Takes from every window of every counter, or from none. */
export async function runWindowStage(
  limiter: RateLimiter,
  request: TakeRequest,
  { exempted }: LimitSelection,
): Promise<WindowStage | Conflict | Overloaded> {
  const lifted = exempted.map(exemptionReason);
  if (request.counters.length === 0) return passed(lifted, [], 'nothing');
  const outcome = await limiter.take(request);
  switch (outcome.kind) {
    case 'taken':
      return passed(
        lifted,
        windowsTaken(outcome.windows, request.counters),
        outcome.replayed ? 'before' : 'now',
      );
    case 'denied':
      return denied(lifted, outcome);
    case 'unavailable':
      return byOutagePolicy(lifted, request.counters);
    default:
      return outcome;
  }
}

function passed(
  reasons: readonly Reason[],
  windows: readonly WindowStatus[],
  taken: WindowStage['taken'],
): WindowStage {
  return { kind: 'windows', allowed: true, reasons, windows, taken, outage: false };
}

function denied(lifted: readonly Reason[], outcome: TakeOutcome & { kind: 'denied' }): WindowStage {
  const windows = windowsOf(outcome.windows);
  const violated = outcome.windows.filter(isViolated).map(exceededReason);
  const reasons = [...lifted, ...(violated.length > 0 ? violated : [DENIED_BEFORE])];
  return { kind: 'windows', allowed: false, reasons, windows, taken: 'nothing', outage: false };
}

/** Nothing could be counted: every limit says for itself what that means. */
function byOutagePolicy(lifted: readonly Reason[], counters: readonly CounterSpec[]): WindowStage {
  return {
    kind: 'windows',
    allowed: counters.every((counter) => counter.onOutage === 'allow'),
    reasons: [...lifted, ...counters.map(outageReason)],
    windows: counters.flatMap(outageWindows),
    taken: 'nothing',
    outage: true,
  };
}

/** The repeat of a denied request whose windows have room by now, or were configured otherwise. */
const DENIED_BEFORE: Reason = {
  code: 'limit.exceeded',
  message:
    'An earlier try of this request was denied by its rate limits; a new try needs a new id.',
};

function isViolated(reading: WindowReading): boolean {
  return reading.violated;
}

function exceededReason(reading: WindowReading): Reason {
  const { limitId, scope, lengthMs, limit, remaining, unit, retryAfterMs } = reading;
  const again = Number.isFinite(retryAfterMs)
    ? `retry after ${seconds(retryAfterMs)}`
    : 'no wait will help';
  return {
    code: 'limit.exceeded',
    message:
      `Limit ${limitId} allows ${limit} ${unit} in ${seconds(lengthMs)} for ${scope}; ` +
      `${remaining} left, ${again}.`,
    ruleKind: 'limit',
    rule: limitId,
    scope,
    windowMs: lengthMs,
    unit,
    limit: BigInt(limit),
    remaining: BigInt(remaining),
    requested: 1n,
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

function outageReason({ limitId, scope, onOutage }: CounterSpec): Reason {
  const rule = { ruleKind: 'limit', rule: limitId, scope } as const;
  if (onOutage === 'allow') {
    const message = `Limit ${limitId} could not be checked for ${scope}; the call passes uncounted.`;
    return { code: 'limit.outage_allowed', message, ...rule };
  }
  const message = `Limit ${limitId} could not be checked for ${scope}; it denies while that is so.`;
  return { code: 'limit.unavailable', message, ...rule };
}

function exemptionReason({
  limitId,
  scope,
  exemption,
}: LimitSelection['exempted'][number]): Reason {
  const until =
    exemption.untilMs === undefined ? '' : ` until ${new Date(exemption.untilMs).toISOString()}`;
  const message =
    `Exemption ${exemption.id}, granted by ${exemption.grantedBy}${until}, ` +
    `lifts limit ${limitId} for ${scope}.`;
  return { code: 'limit.exempted', message, ruleKind: 'limit', rule: limitId, scope };
}

function outageWindows(counter: CounterSpec): readonly WindowStatus[] {
  const { limitId, scope, unit } = counter;
  return counter.windows.map(({ lengthMs, limit }) => {
    const nothing = { remaining: 0, resetAfterMs: 0, violated: false, retryAfterMs: 0 };
    return { limitId, scope, unit, lengthMs, limit, ...nothing, outage: true };
  });
}

function windowsOf(readings: readonly WindowReading[]): readonly WindowStatus[] {
  return readings.map((reading) => ({ ...reading, outage: false })).sort(tightestFirst);
}

function windowsTaken(
  readings: readonly WindowReading[],
  counters: readonly CounterSpec[],
): readonly WindowStatus[] {
  return windowsOf(readings).map((window) => {
    const { limitId, scope } = window;
    const counter = counters.find((one) => one.limitId === limitId && one.scope === scope);
    return { ...window, taken: counter?.cost ?? 0 };
  });
}

/** What denies first, then what has least left, then by name: the order is stable. */
export function tightestFirst(a: WindowReading, b: WindowReading): number {
  if (a.violated !== b.violated) return a.violated ? -1 : 1;
  if (a.remaining !== b.remaining) return a.remaining - b.remaining;
  if (a.limitId !== b.limitId) return a.limitId < b.limitId ? -1 : 1;
  return a.lengthMs - b.lengthMs;
}

const MS_PER_SECOND = 1000;

function seconds(ms: number): string {
  return `${ms / MS_PER_SECOND} s`;
}
