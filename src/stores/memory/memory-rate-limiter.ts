import type {
  Health,
  RateLimiter,
  SettleCallRequest,
  TakeOutcome,
  TakeRequest,
  Unavailable,
} from '../../decision/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { systemClock } from '../../lib/clock.ts';
import type { CounterSpec, WindowReading } from '../../limits/counter.ts';
import { isSettledLater } from '../../limits/counter.ts';
import { checkCounters } from '../../limits/check-counters.ts';
import type { Violation, ViolationCount } from '../../limits/violation.ts';
import { CallTable } from './call-table.ts';
import type { Opened } from './entity-table.ts';
import { EntityTable } from './entity-table.ts';
import type { Take } from './verdict-table.ts';
import { VerdictTable } from './verdict-table.ts';
import { ViolationTable } from './violation-table.ts';

export interface MemoryRateLimiterOptions {
  readonly clock?: Clock;
  /** Most scopes counted at a time; 50,000 unless given. */
  readonly maxEntities?: number;
  /** Most windows of remembered verdicts; 2,000,000 unless given. */
  readonly maxReadings?: number;
  /** Verdicts are remembered so long; under ten minutes only where nobody repeats a request. */
  readonly rememberMs?: number;
}

/** About 300 bytes each; calls that take a minute, 3,000 begun in a second. */
const MAX_CALLS = 200_000;
/** About 1.5 KB each with four windows. */
const MAX_ENTITIES = 50_000;
/** About 150 bytes each; verdicts of one window at 1,600 calls a second for ten minutes. */
const MAX_READINGS = 2_000_000;

/**
 * The RateLimiter of one process: exact within it, and empty after a restart.
 *
 * Its memory is bounded, and it forgets nothing that still counts: when no idle scope can be
 * dropped for a new one, calls of new scopes are answered `unavailable`; when no verdict is old
 * enough to be dropped, new calls are answered `overloaded` until the oldest is. Scopes and
 * verdicts that are there already go on.
 * @throws RangeError (rejects) for counters that break the contract.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #clock: Clock;
  readonly #entities: EntityTable;
  readonly #verdicts: VerdictTable;
  readonly #calls = new CallTable(MAX_CALLS);
  readonly #violations = new ViolationTable();

  constructor(options: MemoryRateLimiterOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#entities = new EntityTable(options.maxEntities ?? MAX_ENTITIES);
    this.#verdicts = new VerdictTable(options.maxReadings ?? MAX_READINGS, options.rememberMs);
  }

  // Not interrupted between its first line and its last, so all concurrent calls are decided one
  // after the other.
  async take(request: TakeRequest): Promise<TakeOutcome> {
    checkCounters(request.counters);
    const nowMs = this.#clock.nowMs();
    this.#entities.sweep(nowMs, request.counters.length);
    const earlier = this.#verdicts.find(request, nowMs);
    if (earlier !== undefined) return earlier;
    const waitMs = this.#verdicts.waitForRoomMs(request, nowMs);
    if (waitMs > 0) return { kind: 'overloaded', retryAfterMs: waitMs };
    const opened = this.#entities.open(request.tenant, request.counters, nowMs);
    return opened === undefined ? FULL : this.#decide(request, opened, nowMs);
  }

  async refund(request: TakeRequest): Promise<'refunded' | 'nothing' | Unavailable> {
    checkCounters(request.counters);
    const nowMs = this.#clock.nowMs();
    const takes = this.#verdicts.claimRefund(request, nowMs);
    if (takes === undefined) return 'nothing';
    for (const { entity, ...taken } of takes) entity.giveBack(nowMs, taken);
    if (takes.length > 0) this.#calls.close(request.tenant, request.callId);
    return 'refunded';
  }

  async settle({ tenant, callId, tokens }: SettleCallRequest): Promise<'settled' | 'nothing'> {
    const takes = this.#calls.close(tenant, callId);
    if (takes === undefined) return 'nothing';
    const nowMs = this.#clock.nowMs();
    for (const { key, entity, unit, ...taken } of takes) {
      this.#entities.bring(key, entity).settle(nowMs, taken, unit === 'tokens' ? tokens : 0);
    }
    return 'settled';
  }

  async peek(
    tenant: string,
    counters: readonly CounterSpec[],
  ): Promise<readonly WindowReading[] | Unavailable> {
    checkCounters(counters);
    const nowMs = this.#clock.nowMs();
    return counters.flatMap((spec) => this.#entities.look(tenant, spec).read(nowMs, spec));
  }

  /** Memory loses nothing before its end, and then everything. */
  uncounted(): readonly CounterSpec[] {
    return [];
  }

  async addViolations(
    tenant: string,
    counts: readonly ViolationCount[],
  ): Promise<readonly Violation[]> {
    return this.#violations.add(tenant, counts, this.#clock.nowMs());
  }

  async violations(tenant: string): Promise<readonly Violation[]> {
    return this.#violations.list(tenant, this.#clock.nowMs());
  }

  health(): Promise<Health> {
    return Promise.resolve({ adapter: 'memory', healthy: true, problem: '' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #decide(request: TakeRequest, opened: Opened, nowMs: number): TakeOutcome {
    const read = (): WindowReading[] =>
      opened.flatMap(({ spec, entity }) => entity.read(nowMs, spec));
    if (!opened.every(({ spec, entity }) => entity.fits(nowMs, spec))) {
      return this.#verdicts.remember(request, nowMs, {
        kind: 'denied',
        windows: read(),
        takes: [],
      });
    }
    this.#entities.keep(opened);
    const { tenant, callId } = request;
    const takes: Take[] = opened.map(({ spec, entity }) => {
      return { entity, cost: spec.cost, callId, takenAtMs: entity.take(nowMs, spec, callId) };
    });
    const later = opened.flatMap(({ spec, key }, index) => {
      const take = takes[index];
      return take && isSettledLater(spec) ? [{ ...take, key, unit: spec.unit }] : [];
    });
    if (later.length > 0) this.#calls.open(tenant, callId, later);
    const windows = read().map((reading) => ({ ...reading, violated: false, retryAfterMs: 0 }));
    return this.#verdicts.remember(request, nowMs, { kind: 'taken', windows, takes });
  }
}

const FULL: Unavailable = {
  kind: 'unavailable',
  problem: 'the memory of the rate limiter is full of scopes that are in use',
};
