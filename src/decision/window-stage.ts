import type { CounterSpec, WindowReading } from '../limits/counter.ts';
import type { LimitSelection } from '../limits/limit-set.ts';
import type { WindowStatus } from './decision.ts';
import type { PipelineParts } from './parts.ts';
import type { Conflict, Overloaded, RateLimiter, TakeOutcome, TakeRequest } from './ports.ts';
import type { Reason } from './reasons.ts';

/** What the rate windows say. */
export interface WindowStage {
  readonly kind: 'windows';
  readonly allowed: boolean;
  readonly reasons: readonly Reason[];
  readonly windows: readonly WindowStatus[];
  /** What the windows gave, now or to an earlier try of the same request. */
  readonly taken: Taken | undefined;
  readonly takenNow: boolean;
  /** True when the store could not answer: the answer must not stand for the request for good. */
  readonly outage: boolean;
}

/** What was taken, and from whom: there it has to be given back if money denies. */
export type Taken = readonly {
  readonly limiter: RateLimiter;
  readonly request: TakeRequest;
}[];

type Limiters = Pick<PipelineParts, 'limiter' | 'localLimiter'>;

/** Takes from every window of every counter, or from none. */
export async function runWindowStage(
  limiters: Limiters,
  request: TakeRequest,
  { exempted }: Pick<LimitSelection, 'exempted'>,
): Promise<WindowStage | Conflict | Overloaded> {
  const lifted = exempted.map(exemptionReason);
  if (request.counters.length === 0) return passed(lifted, [], NOTHING_TAKEN);
  const lost = limiters.limiter.uncounted(request.tenant, request.counters);
  if (lost.length > 0) return withoutLost(limiters, request, lifted, lost);
  return takeAll(limiters, request, lifted);
}

async function takeAll(
  { limiter, localLimiter }: Limiters,
  request: TakeRequest,
  lifted: readonly Reason[],
): Promise<WindowStage | Conflict | Overloaded> {
  const outcome = await limiter.take(request);
  switch (outcome.kind) {
    case 'taken':
      return passed(lifted, windowsTaken(outcome.windows, request.counters), {
        taken: [{ limiter, request }],
        takenNow: !outcome.replayed,
      });
    case 'denied':
      return denied(lifted, outcome, request.counters);
    case 'unavailable':
      return byOutagePolicy(lifted, request, localLimiter);
    default:
      return outcome;
  }
}

/**
 * The store has lost counts of some counters: those follow their outage policy, and the others are
 * taken from as ever.
 */
async function withoutLost(
  limiters: Limiters,
  request: TakeRequest,
  lifted: readonly Reason[],
  lost: readonly CounterSpec[],
): Promise<WindowStage | Conflict | Overloaded> {
  const own = { ...request, counters: lost };
  const policy = await byOutagePolicy([], own, limiters.localLimiter, HAS_LOST);
  const rest = request.counters.filter((counter) => !lost.includes(counter));
  if (!policy.allowed || rest.length === 0) {
    return { ...policy, reasons: [...lifted, ...policy.reasons] };
  }
  const counted = await takeAll(limiters, { ...request, counters: rest }, lifted);
  if (counted.kind !== 'windows' || !counted.allowed) {
    const given = policy.takenNow ? (policy.taken ?? []) : [];
    for (const { limiter, request: share } of given) await limiter.refund(share);
    return counted;
  }
  return {
    ...counted,
    reasons: [...counted.reasons, ...policy.reasons],
    windows: [...counted.windows, ...policy.windows],
    taken: [...(counted.taken ?? []), ...(policy.taken ?? [])],
    takenNow: counted.takenNow || policy.takenNow,
    outage: true,
  };
}

function passed(
  reasons: readonly Reason[],
  windows: readonly WindowStatus[],
  given: Pick<WindowStage, 'taken' | 'takenNow'>,
): WindowStage {
  return { kind: 'windows', allowed: true, reasons, windows, ...given, outage: false };
}

const NOTHING_TAKEN = { taken: undefined, takenNow: false } as const;

function denied(
  lifted: readonly Reason[],
  outcome: TakeOutcome & { kind: 'denied' },
  counters: readonly CounterSpec[],
): WindowStage {
  const windows = windowsOf(outcome.windows);
  const violated = windows
    .filter((reading) => reading.violated)
    .map((reading) => exceededReason(reading, counterOf(counters, reading)));
  const reasons = [...lifted, ...(violated.length > 0 ? violated : [DENIED_BEFORE])];
  return { kind: 'windows', allowed: false, reasons, windows, ...NOTHING_TAKEN, outage: false };
}

function counterOf(
  counters: readonly CounterSpec[],
  { limitId, scope }: Pick<CounterSpec, 'limitId' | 'scope'>,
): CounterSpec | undefined {
  return counters.find((one) => one.limitId === limitId && one.scope === scope);
}

/**
 * Nothing could be counted: every limit says for itself what that means. What this process counts
 * by itself is taken only when no other limit denies.
 */
async function byOutagePolicy(
  lifted: readonly Reason[],
  request: TakeRequest,
  limiter: RateLimiter,
  cause = COULD_NOT,
): Promise<WindowStage> {
  const { counters } = request;
  const outageReason = outageReasonFor(cause);
  const windows = counters.flatMap(outageWindows);
  const stage = { kind: 'windows', windows, ...NOTHING_TAKEN, outage: true } as const;
  const denying = counters.filter(({ onOutage }) => onOutage === 'deny');
  if (denying.length > 0) {
    return { ...stage, allowed: false, reasons: [...lifted, ...counters.map(outageReason)] };
  }
  const own = { ...request, counters: counters.filter(isLocal).map(localShareOf) };
  const outcome = await takeOwn(limiter, own);
  if (outcome.kind === 'denied') {
    const violated = outcome.windows.filter((reading) => reading.violated);
    return {
      ...stage,
      allowed: false,
      reasons: [...lifted, ...violated.map(shareReasonFor(cause))],
    };
  }
  const reasons = [...lifted, ...counters.map(outageReason)];
  if (outcome.kind !== 'taken') {
    return {
      ...stage,
      allowed: false,
      reasons: [...lifted, ...own.counters.map(fullReasonFor(cause))],
    };
  }
  const taken = own.counters.length === 0 ? undefined : [{ limiter, request: own }];
  const takenNow = taken !== undefined && !outcome.replayed;
  return { ...stage, allowed: true, reasons, taken, takenNow };
}

async function takeOwn(limiter: RateLimiter, own: TakeRequest): Promise<TakeOutcome> {
  if (own.counters.length === 0) return { kind: 'taken', replayed: false, windows: [] };
  return limiter.take(own);
}

function isLocal({ onOutage }: CounterSpec): boolean {
  return onOutage === 'local';
}

/** What one process admits by itself: its share of every window, in whole units. */
function localShareOf(counter: CounterSpec): CounterSpec {
  const share = (units: number): number =>
    Math.floor((units * counter.localPerMille) / FULL_PER_MILLE);
  const windows = counter.windows.map(({ lengthMs, limit, burst }) => ({
    lengthMs,
    limit: share(limit),
    ...(burst === undefined ? {} : { burst: share(burst) }),
  }));
  return { ...counter, windows };
}

const FULL_PER_MILLE = 1_000;

/** The repeat of a denied request whose windows have room by now, or were configured otherwise. */
const DENIED_BEFORE: Reason = {
  code: 'limit.exceeded',
  message:
    'An earlier try of this request was denied by its rate limits; a new try needs a new id.',
};

function exceededReason(reading: WindowReading, counter: CounterSpec | undefined): Reason {
  const { limitId, scope, lengthMs, limit, remaining, unit, retryAfterMs } = reading;
  const requested = counter?.cost ?? 1;
  const again = Number.isFinite(retryAfterMs)
    ? `retry after ${seconds(retryAfterMs)}`
    : 'no wait will help';
  return {
    code: 'limit.exceeded',
    message:
      `Limit ${limitId} allows ${limit} ${allowance(unit, lengthMs)} for ${scope}; ` +
      `${remaining} left, ${again}.`,
    ruleKind: 'limit',
    rule: limitId,
    scope,
    windowMs: lengthMs,
    unit,
    limit: BigInt(limit),
    remaining: BigInt(remaining),
    requested: BigInt(requested),
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

/** Why a limit follows its outage policy, as its messages say it. */
const COULD_NOT = 'could not be checked';
const HAS_LOST = 'has lost counts, because its store was emptied,';

function outageReasonFor(cause: string): (counter: CounterSpec) => Reason {
  return (counter) => outageReason(counter, cause);
}

function outageReason(
  { limitId, scope, onOutage, localPerMille }: CounterSpec,
  cause: string,
): Reason {
  const rule = { ruleKind: 'limit', rule: limitId, scope } as const;
  const away = `Limit ${limitId} ${cause} for ${scope}`;
  switch (onOutage) {
    case 'allow':
      return {
        code: 'limit.outage_allowed',
        message: `${away}; the call passes uncounted.`,
        ...rule,
      };
    case 'local': {
      const message = `${away}; this process counts by itself, ${localPerMille / 10} % of the limit.`;
      return { code: 'limit.outage_local', message, ...rule };
    }
    case 'deny':
      return {
        code: 'limit.unavailable',
        message: `${away}; it denies while that is so.`,
        ...rule,
      };
  }
}

/** The share of this process is used up. */
function shareReasonFor(cause: string): (reading: WindowReading) => Reason {
  return (reading) => shareReason(reading, cause);
}

function shareReason(reading: WindowReading, cause: string): Reason {
  const { limitId, scope, limit, lengthMs, unit, retryAfterMs } = reading;
  const message =
    `Limit ${limitId} ${cause} for ${scope}, and the share of this process, ` +
    `${limit} ${allowance(unit, lengthMs)}, is used up.`;
  return {
    code: 'limit.unavailable',
    message,
    ruleKind: 'limit',
    rule: limitId,
    scope,
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

/** Not even this process can count, because its memory is full. */
function fullReasonFor(cause: string): (counter: CounterSpec) => Reason {
  return ({ limitId, scope }) => {
    const message = `Limit ${limitId} ${cause} for ${scope}, and this process has no room to count.`;
    return { code: 'limit.unavailable', message, ruleKind: 'limit', rule: limitId, scope };
  };
}

function allowance(unit: string, lengthMs: number): string {
  return unit === 'concurrency' ? 'calls at a time' : `${unit} in ${seconds(lengthMs)}`;
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
  return readings.map(windowOf).sort(tightestFirst);
}

function windowsTaken(
  readings: readonly WindowReading[],
  counters: readonly CounterSpec[],
): readonly WindowStatus[] {
  // Readings come counter by counter: the counter of one is mostly that of the one before.
  let counter: CounterSpec | undefined;
  const windows = readings.map((reading) => {
    const { limitId, scope } = reading;
    if (counter?.limitId !== limitId || counter.scope !== scope) {
      counter = counterOf(counters, reading);
    }
    return takenWindowOf(reading, counter?.cost ?? 0);
  });
  return windows.sort(tightestFirst);
}

/** Field by field: there are twenty in an ordinary decision, and a spread takes far longer. */
function windowOf(reading: WindowReading): WindowStatus {
  return {
    limitId: reading.limitId,
    scope: reading.scope,
    unit: reading.unit,
    lengthMs: reading.lengthMs,
    limit: reading.limit,
    remaining: reading.remaining,
    resetAfterMs: reading.resetAfterMs,
    violated: reading.violated,
    retryAfterMs: reading.retryAfterMs,
    outage: false,
  };
}

function takenWindowOf(reading: WindowReading, taken: number): WindowStatus {
  return {
    limitId: reading.limitId,
    scope: reading.scope,
    unit: reading.unit,
    lengthMs: reading.lengthMs,
    limit: reading.limit,
    remaining: reading.remaining,
    resetAfterMs: reading.resetAfterMs,
    violated: reading.violated,
    retryAfterMs: reading.retryAfterMs,
    outage: false,
    taken,
  };
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
