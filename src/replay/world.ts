import type { Amounts } from '../budgets/amounts.ts';
import type {
  Decided,
  DecisionPoint,
  Refusal,
  Settled,
  SettlementRefusal,
} from '../decision/answers.ts';
import type { CallUsage } from '../decision/call.ts';
import { grantTokens } from '../decision/grant-token.ts';
import { silentObserver } from '../decision/observer.ts';
import { openPipeline } from '../decision/pipeline.ts';
import type { ConfigSource, Recorder } from '../decision/ports.ts';
import type { DecisionRecord } from '../decision/record.ts';
import type { Snapshot } from '../decision/snapshot.ts';
import { NEUTRAL_PER_MILLE } from '../pricing/calibration.ts';
import { ManualClock } from '../lib/clock.ts';
import { MemoryLedger } from '../stores/memory/memory-ledger.ts';
import { MemoryRateLimiter } from '../stores/memory/memory-rate-limiter.ts';
import type { AskedEvent, ExtendedEvent } from './replay-event.ts';

/** More than one sidecar counts: a replay stands for all of them. */
const MAX_ENTITIES = 500_000;
/** Windows are given back within the decision that took from them, and nobody asks twice. */
const REMEMBER_MS = 1_000;
/** The same in every replay, so that nothing in one is random. It opens nothing outside. */
const TOKEN_KEY = Buffer.alloc(32, 'replay');

/** One commit or release of a call that this world holds. */
export interface Settling {
  readonly tenant: string;
  readonly reservationId: string;
  readonly atMs: number;
}

/**
 * A whole decision point in memory on the time of the events: the sidecar's own pipeline, with
 * windows, accounts and reservations of its own.
 */
export class World {
  readonly #asked = new ManualClock(0);
  readonly #books = new ManualClock(0);
  readonly #ledger: MemoryLedger;
  readonly #point: DecisionPoint;
  #record: DecisionRecord | undefined;
  #requests = 0;
  #calibrationPerMille = NEUTRAL_PER_MILLE;

  constructor(snapshot: Snapshot) {
    const see = (record: DecisionRecord): void => void (this.#record = record);
    const clock = this.#asked;
    const calibrations = { factorPerMille: (): bigint => this.#calibrationPerMille };
    this.#ledger = new MemoryLedger({
      clock: this.#books,
      remembered: 0,
      onRecord: see,
    });
    const limits = { clock, maxEntities: MAX_ENTITIES, rememberMs: REMEMBER_MS };
    const limiter = new MemoryRateLimiter(limits);
    this.#point = openPipeline({
      config: configOf(snapshot),
      limiter,
      localLimiter: limiter,
      ledger: this.#ledger,
      recorder: recorderTelling(see),
      persons: { seal: () => undefined },
      tokens: grantTokens(TOKEN_KEY),
      observer: silentObserver,
      clock,
      // Estimates are calibrated by what was settled until then: as recorded, not worked out again.
      calibrations: { current: () => calibrations },
      repeats: false,
    });
  }

  /** The record of the latest decision, with its explanation. */
  get record(): DecisionRecord | undefined {
    return this.#record;
  }

  decide(event: AskedEvent, authorizationToken: string): Promise<Decided | Refusal> {
    this.#asked.set(event.decidedAtMs);
    this.#books.set(event.heldAtMs);
    this.#record = undefined;
    this.#calibrationPerMille = event.before?.calibrationPerMille ?? NEUTRAL_PER_MILLE;
    const { call, holdForMs, acceptPartial } = event;
    const command = {
      tenant: call.tenant,
      requestId: this.#nextRequest(),
      fingerprint: '',
      traceId: '',
      call,
      explain: false,
      minRevision: 0n,
    };
    if (event.operation === 'authorize') return this.#point.authorize(command);
    return this.#point.reserve({ ...command, holdForMs, acceptPartial, authorizationToken });
  }

  extend(event: ExtendedEvent, reservationId: string): Promise<Decided | SettlementRefusal> {
    this.#asked.set(event.decidedAtMs);
    this.#books.set(event.heldAtMs);
    const { tenant, add, holdForMs } = event;
    const requestId = this.#nextRequest();
    const identity = { tenant, requestId, fingerprint: '', traceId: '' };
    return this.#point.extend({ ...identity, reservationId, add, holdForMs });
  }

  commit(settling: Settling, usage: CallUsage): Promise<Settled | SettlementRefusal> {
    return this.#point.commit({
      ...this.#settled(settling),
      usage,
      outcome: 'success',
      durationMs: undefined,
      errorMessage: '',
    });
  }

  release(settling: Settling): Promise<Settled | SettlementRefusal> {
    return this.#point.release({ ...this.#settled(settling), reason: '' });
  }

  /** Presumes a hold spent. @returns what is charged for it */
  expire({ tenant, reservationId, atMs }: Settling): Amounts {
    this.#books.set(atMs);
    return this.#ledger.expireOne(tenant, reservationId);
  }

  #settled({ tenant, reservationId, atMs }: Settling) {
    this.#asked.set(atMs);
    this.#books.set(atMs);
    const requestId = this.#nextRequest();
    return { tenant, requestId, reservationId, fingerprint: '', traceId: '' };
  }

  /** Ids of the record may come again once they were forgotten; these never do. */
  #nextRequest(): string {
    this.#requests += 1;
    return `${this.#requests}`;
  }
}

function configOf(snapshot: Snapshot): ConfigSource {
  return { current: () => snapshot, refusal: () => '', close: () => Promise.resolve() };
}

const RECORDED = Promise.resolve('recorded' as const);

/** Records are looked at and not kept. */
function recorderTelling(see: (record: DecisionRecord) => void): Recorder {
  return {
    record(record) {
      see(record);
      return RECORDED;
    },
    waiting: () => 0,
    status: () => ({ adapter: 'replay', healthy: true, problem: '' }),
    close: () => Promise.resolve(),
  };
}
