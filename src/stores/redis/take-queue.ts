import type { TakeOutcome, TakeRequest } from '../../decision/ports.ts';
import type { Answer } from './redis-link.ts';
import type { PlannedTake } from './take-batch.ts';
import { TakeBatch } from './take-batch.ts';
import { outcomeOf } from './verdict.ts';

export interface TakeQueueOptions {
  /** From the arrival of a decision to its answer. */
  readonly deadlineMs: number;
  /** Most decisions of one script call: Redis does nothing else meanwhile. */
  readonly maxBatch: number;
  /** Most decisions that wait for a call; one more is answered `overloaded`. */
  readonly maxWaiting: number;
  /** Most calls in flight over all slots; two where there is one slot. */
  readonly maxFlights: number;
  readonly send: (batch: TakeBatch) => Promise<Answer>;
  /** Told of every call that was answered, and of every one that was not. */
  readonly onAnswered: () => void;
  readonly onLost: (problem: string) => void;
}

interface Waiting {
  readonly request: TakeRequest;
  readonly planned: PlannedTake;
  readonly deadlineAtMs: number;
  readonly answer: (outcome: TakeOutcome) => void;
  answered: boolean;
}

/** A script call that was sent and has neither been answered nor given up. */
interface Flight {
  readonly slot: string;
  readonly sentAtMs: number;
  readonly dueAtMs: number;
}

/**
 * Per slot: while Redis works on one call, the next one is already there; more would only make the
 * batches smaller.
 */
const MAX_FLIGHTS = 2;
/**
 * The part of the deadline that may go by in the queue. Who would wait longer is turned away at
 * once as overload; otherwise it would pass its deadline behind a Redis that is well, which looks
 * like an outage.
 */
const QUEUE_PART = 0.8;
/** Weight of the newest call in the mean time of a decision: the last ten calls or so count. */
const NEWEST_PART = 0.1;

/**
 * Gathers the decisions that arrive in one turn of the event loop, or while calls are in flight,
 * into one script call. Every decision is answered by its deadline, whatever Redis does.
 */
export class TakeQueue {
  readonly #options: TakeQueueOptions;
  #waiting: Waiting[] = [];
  /**
   * All that are not answered, oldest first: waiting or in flight; some at the front may be
   * answered already.
   */
  #unanswered: Waiting[] = [];
  readonly #flights = new Set<Flight>();
  #pumping = false;
  /** Mean time that Redis takes for one of many decisions; 0 until it is known. */
  #msPerDecision = 0;
  #lastLandedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TakeQueueOptions) {
    this.#options = options;
  }

  add(request: TakeRequest, planned: PlannedTake): Promise<TakeOutcome> {
    const { deadlineMs, maxWaiting } = this.#options;
    const waitMs = this.#waiting.length * this.#msPerDecision;
    if (this.#waiting.length >= maxWaiting || waitMs > deadlineMs * QUEUE_PART) {
      return Promise.resolve({ kind: 'overloaded', retryAfterMs: deadlineMs });
    }
    return new Promise((answer) => {
      const deadlineAtMs = performance.now() + deadlineMs;
      const entry = { request, planned, deadlineAtMs, answer, answered: false };
      this.#waiting.push(entry);
      this.#unanswered.push(entry);
      this.#pumpSoon();
      if (this.#timer === undefined) this.#watch(deadlineMs);
    });
  }

  /** Answers everything that is not answered yet. */
  abandon(problem: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const entry of this.#unanswered) settle(entry, { kind: 'unavailable', problem });
    this.#unanswered = [];
    this.#waiting = [];
    this.#flights.clear();
  }

  /** After the sockets of this turn were read, so that all who come in one turn go together. */
  #pumpSoon(): void {
    if (this.#pumping || this.#flights.size >= this.#options.maxFlights) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const busy = new Set<string>();
    for (const { slot } of this.#flights) if (this.#flightsOf(slot) >= MAX_FLIGHTS) busy.add(slot);
    while (this.#flights.size < this.#options.maxFlights) {
      const first = this.#waiting.find(({ planned }) => !busy.has(planned.slot));
      if (first === undefined) return;
      const { slot } = first.planned;
      this.#flyFrom(slot);
      if (this.#flightsOf(slot) >= MAX_FLIGHTS) busy.add(slot);
    }
  }

  #flightsOf(slot: string): number {
    let count = 0;
    for (const flight of this.#flights) if (flight.slot === slot) count += 1;
    return count;
  }

  /** Sends those of a slot that wait longest, as many as go in one call. */
  #flyFrom(slot: string): void {
    const batch = new TakeBatch();
    const entries: Waiting[] = [];
    const rest: Waiting[] = [];
    let full = false;
    for (const entry of this.#waiting) {
      const mayGo: boolean = !full && entry.planned.slot === slot;
      if (mayGo && batch.add(entry.planned)) entries.push(entry);
      else rest.push(entry);
      // Once one of the slot has to stay, nobody who came later goes before it.
      if (mayGo) full = entries.length >= this.#options.maxBatch || rest.at(-1) === entry;
    }
    this.#waiting = rest;
    this.#fly(batch, entries);
  }

  #fly(batch: TakeBatch, entries: readonly Waiting[]): void {
    const sentAtMs = performance.now();
    const flight: Flight = {
      slot: batch.slot,
      sentAtMs,
      dueAtMs: sentAtMs + this.#options.deadlineMs,
    };
    this.#flights.add(flight);
    this.#options.send(batch).then(
      (answer) => this.#arrive(flight, entries, answer),
      (defect: unknown) => this.#arrive(flight, entries, { kind: 'lost', problem: String(defect) }),
    );
  }

  #arrive(flight: Flight, entries: readonly Waiting[], answer: Answer): void {
    for (const [index, entry] of entries.entries())
      settle(entry, outcomeFrom(answer, index, entry));
    if (!this.#flights.has(flight)) return;
    this.#learn(flight, entries.length);
    if (answer.kind === 'lost') this.#options.onLost(answer.problem);
    else this.#options.onAnswered();
    this.#land(flight);
  }

  /**
   * A call of few decisions tells of the network as well; it counts only when it was faster still.
   */
  #learn(flight: Flight, decisions: number): void {
    const nowMs = performance.now();
    const took = (nowMs - Math.max(flight.sentAtMs, this.#lastLandedAtMs)) / decisions;
    this.#lastLandedAtMs = nowMs;
    const many = 2 * decisions >= this.#options.maxBatch;
    if (many && this.#msPerDecision === 0) this.#msPerDecision = took;
    if (!many && took > this.#msPerDecision) return;
    this.#msPerDecision += NEWEST_PART * (took - this.#msPerDecision);
  }

  #land(flight: Flight): void {
    this.#flights.delete(flight);
    if (this.#waiting.length > 0) this.#pumpSoon();
  }

  /**
   * Wakes up when the oldest decision or flight is due. Sockets are read once more before it counts
   * as late.
   */
  #watch(inMs: number): void {
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), inMs);
  }

  #expire(): void {
    const nowMs = performance.now();
    const problem = `Redis did not answer within ${this.#options.deadlineMs} ms`;
    this.#unanswered = this.#unanswered.filter((entry) => {
      if (entry.deadlineAtMs <= nowMs) settle(entry, { kind: 'unavailable', problem });
      return !entry.answered;
    });
    this.#waiting = this.#waiting.filter((entry) => !entry.answered);
    for (const flight of this.#flights) {
      if (flight.dueAtMs <= nowMs) this.#giveUp(flight, problem);
    }
    const dueAtMs = this.#unanswered.slice(0, 1).map((entry) => entry.deadlineAtMs);
    for (const flight of this.#flights) dueAtMs.push(flight.dueAtMs);
    this.#timer = undefined;
    if (dueAtMs.length > 0) this.#watch(Math.min(...dueAtMs) - nowMs);
  }

  /**
   * Makes room for the next call. What this one did is unknown; its callers have been answered so.
   */
  #giveUp(flight: Flight, problem: string): void {
    this.#options.onLost(problem);
    this.#land(flight);
  }
}

function outcomeFrom(answer: Answer, index: number, { request }: Waiting): TakeOutcome {
  if (answer.kind !== 'reply') return { kind: 'unavailable', problem: answer.problem };
  const reply: readonly unknown[] = Array.isArray(answer.value) ? answer.value : [];
  return outcomeOf(reply[2 * index], reply[2 * index + 1], request.counters);
}

function settle(entry: Waiting, outcome: TakeOutcome): void {
  if (entry.answered) return;
  entry.answered = true;
  entry.answer(outcome);
}
