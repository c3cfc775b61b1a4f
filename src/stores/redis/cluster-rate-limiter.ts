import type {
  Health,
  RateLimiter,
  SettleCallRequest,
  TakeOutcome,
  TakeRequest,
  Unavailable,
} from '../../decision/ports.ts';
import type { CounterSpec, WindowReading } from '../../limits/counter.ts';
import type { Violation, ViolationCount } from '../../limits/violation.ts';

/**
 * The RateLimiter on a cluster. A tenant's counters lie on one slot, where one script decides over
 * them: all or nothing, as on one server. Counters that all tenants share lie on a slot of their
 * own and are taken first; when the tenant's own deny, they are given back. So no limit is ever
 * passed, and for the time of one round trip a shared counter may count a call that is denied.
 */
export class ClusterRateLimiter implements RateLimiter {
  readonly #own: RateLimiter;
  readonly #shared: RateLimiter;

  constructor(own: RateLimiter, shared: RateLimiter) {
    this.#own = own;
    this.#shared = shared;
  }

  async take(request: TakeRequest): Promise<TakeOutcome> {
    const [own, shared] = [ownPart(request), sharedPart(request)];
    if (shared.counters.length === 0) return this.#own.take(request);
    if (own.counters.length === 0) return this.#shared.take(request);
    const first = await this.#shared.take(shared);
    if (first.kind === 'denied') return this.#withReadings(request, first, this.#own, own);
    if (first.kind !== 'taken') return first;
    const second = await this.#own.take(own);
    if (second.kind === 'taken') {
      const replayed = first.replayed && second.replayed;
      return { kind: 'taken', replayed, windows: merged(request, first, second) };
    }
    if (second.kind === 'unavailable') return second;
    await this.#shared.refund(shared);
    if (second.kind !== 'denied') return second;
    return this.#withReadings(request, second, this.#shared, shared);
  }

  async refund(request: TakeRequest): Promise<'refunded' | 'nothing' | Unavailable> {
    const [own, shared] = [ownPart(request), sharedPart(request)];
    const answers = await Promise.all([
      own.counters.length > 0 ? this.#own.refund(own) : ('nothing' as const),
      shared.counters.length > 0 ? this.#shared.refund(shared) : ('nothing' as const),
    ]);
    return firstOf(answers, 'refunded');
  }

  async settle(request: SettleCallRequest): Promise<'settled' | 'nothing' | Unavailable> {
    const answers = await Promise.all([this.#own.settle(request), this.#shared.settle(request)]);
    return firstOf(answers, 'settled');
  }

  async peek(
    tenant: string,
    counters: readonly CounterSpec[],
  ): Promise<readonly WindowReading[] | Unavailable> {
    const [own, shared] = await Promise.all([
      this.#own.peek(tenant, counters.filter(isOwn)),
      this.#shared.peek(tenant, counters.filter(isShared)),
    ]);
    if ('kind' in own) return own;
    if ('kind' in shared) return shared;
    return inOrder(counters, own, shared);
  }

  uncounted(tenant: string, counters: readonly CounterSpec[]): readonly CounterSpec[] {
    return [
      ...this.#own.uncounted(tenant, counters.filter(isOwn)),
      ...this.#shared.uncounted(tenant, counters.filter(isShared)),
    ];
  }

  addViolations(
    tenant: string,
    counts: readonly ViolationCount[],
  ): Promise<readonly Violation[] | Unavailable> {
    return this.#own.addViolations(tenant, counts);
  }

  violations(tenant: string): Promise<readonly Violation[] | Unavailable> {
    return this.#own.violations(tenant);
  }

  health(): Promise<Health> {
    return this.#own.health();
  }

  async close(): Promise<void> {
    await Promise.all([this.#own.close(), this.#shared.close()]);
  }

  /** A denial by one part, with the readings of the other, which did not deny. */
  async #withReadings(
    { tenant, counters }: TakeRequest,
    denied: TakeOutcome & { readonly kind: 'denied' },
    limiter: RateLimiter,
    other: TakeRequest,
  ): Promise<TakeOutcome> {
    const readings = await limiter.peek(tenant, other.counters);
    if ('kind' in readings) return readings;
    return { ...denied, windows: inOrder(counters, denied.windows, readings) };
  }
}

function isShared({ crossTenant }: CounterSpec): boolean {
  return crossTenant;
}

function isOwn({ crossTenant }: CounterSpec): boolean {
  return !crossTenant;
}

function ownPart(request: TakeRequest): TakeRequest {
  return { ...request, counters: request.counters.filter(isOwn) };
}

function sharedPart(request: TakeRequest): TakeRequest {
  return { ...request, counters: request.counters.filter(isShared) };
}

type Taken = TakeOutcome & { readonly kind: 'taken' };

function merged({ counters }: TakeRequest, shared: Taken, own: Taken): readonly WindowReading[] {
  return inOrder(counters, shared.windows, own.windows);
}

/** Readings of both parts in the order of the counters. */
function inOrder(
  counters: readonly CounterSpec[],
  ...parts: readonly (readonly WindowReading[])[]
): readonly WindowReading[] {
  const readings = parts.flat();
  return counters.flatMap(({ limitId, scope, windows }) =>
    windows.flatMap(
      ({ lengthMs }) =>
        readings.find(
          (one) => one.limitId === limitId && one.scope === scope && one.lengthMs === lengthMs,
        ) ?? [],
    ),
  );
}

/** Unavailable when one part is; else what was wanted when one part did it. */
function firstOf<T extends 'refunded' | 'settled'>(
  answers: readonly (T | 'nothing' | Unavailable)[],
  wanted: T,
): T | 'nothing' | Unavailable {
  const away = answers.find((answer) => typeof answer !== 'string');
  return away ?? (answers.includes(wanted) ? wanted : 'nothing');
}
