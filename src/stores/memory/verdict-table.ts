import type { Conflict, TakeOutcome, TakeRequest } from '../../decision/ports.ts';
import type { WindowReading } from '../../limits/counter.ts';
import { AgingMap } from './aging-map.ts';
import type { Entity, Taken } from './entity.ts';

/** What one counter gave, and where it goes when it is given back. */
export interface Take extends Taken {
  readonly entity: Entity;
}

interface Verdict {
  readonly kind: 'taken' | 'denied';
  readonly windows: readonly WindowReading[];
  /** Empty when denied. */
  readonly takes: readonly Take[];
}

interface Remembered extends Verdict {
  readonly fingerprint: string;
  readonly forgetAtMs: number;
  readonly readings: number;
  /** Tries of the request that share what was taken. */
  tries: number;
}

/** How long the contract wants verdicts to be remembered. */
const REMEMBER_MS = 10 * 60_000;
/** Two for each one that is added: the table shrinks when calls become fewer. */
const FORGET_PER_CALL = 2;

/** Verdicts by request id, each for ten minutes, at most so many windows of them in all. */
export class VerdictTable {
  readonly #maxReadings: number;
  readonly #rememberMs: number;
  /** In the order in which they are forgotten. */
  readonly #verdicts = new AgingMap<Remembered>();
  #readings = 0;
  #latestMs = 0;

  constructor(maxReadings: number, rememberMs = REMEMBER_MS) {
    this.#maxReadings = maxReadings;
    this.#rememberMs = rememberMs;
  }

  /** The outcome of an earlier try. */
  find(request: TakeRequest, nowMs: number): TakeOutcome | undefined {
    this.#forget(nowMs);
    const verdict = this.#verdicts.get(keyOf(request));
    if (verdict === undefined) return undefined;
    if (verdict.fingerprint !== request.fingerprint) return CONFLICT;
    verdict.tries += 1;
    return { kind: verdict.kind, replayed: true, windows: verdict.windows };
  }

  /**
   * 0 when the verdict on this request can be remembered, else the wait until the oldest may be
   * forgotten.
   */
  waitForRoomMs(request: TakeRequest, nowMs: number): number {
    if (this.#readings + readingsOf(request) <= this.#maxReadings) return 0;
    const oldest = this.#verdicts.oldest()?.value;
    return oldest === undefined ? this.#rememberMs : Math.max(1, oldest.forgetAtMs - nowMs);
  }

  remember(request: TakeRequest, nowMs: number, verdict: Verdict): TakeOutcome {
    const readings = readingsOf(request);
    const { fingerprint } = request;
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    const forgetAtMs = this.#latestMs + this.#rememberMs;
    const entry = { ...verdict, fingerprint, forgetAtMs, readings, tries: 1 };
    this.#verdicts.set(keyOf(request), entry);
    this.#readings += readings;
    return { kind: verdict.kind, replayed: false, windows: verdict.windows };
  }

  /**
   * What is to be given back for a request; undefined when nothing is. While other tries share it,
   * it stays taken and the list is empty. With the last of them the request is forgotten, so that a
   * repeat of it is decided anew and another refund finds nothing.
   */
  claimRefund(request: TakeRequest, nowMs: number): readonly Take[] | undefined {
    this.#forget(nowMs);
    const verdict = this.#verdicts.get(keyOf(request));
    if (verdict?.kind !== 'taken') return undefined;
    if (verdict.fingerprint !== request.fingerprint) return undefined;
    verdict.tries -= 1;
    if (verdict.tries > 0) return [];
    this.#verdicts.delete(keyOf(request));
    this.#readings -= verdict.readings;
    return verdict.takes;
  }

  #forget(nowMs: number): void {
    for (let left = FORGET_PER_CALL; left > 0; left -= 1) {
      const oldest = this.#verdicts.oldest();
      if (oldest === undefined || oldest.value.forgetAtMs > nowMs) return;
      this.#verdicts.delete(oldest.key);
      this.#readings -= oldest.value.readings;
    }
  }
}

const CONFLICT: Conflict = { kind: 'conflict' };

/** A verdict costs about as much as one window more. */
function readingsOf({ counters }: TakeRequest): number {
  return counters.reduce((sum, { windows }) => sum + windows.length, 1);
}

function keyOf({ tenant, requestId }: TakeRequest): string {
  return JSON.stringify([tenant, requestId]);
}
