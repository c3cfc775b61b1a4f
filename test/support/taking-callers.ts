import { setTimeout as sleep } from 'node:timers/promises';

import type { RateLimiter, TakeOutcome, TakeRequest } from '../../src/decision/ports.ts';
import { until } from './until.ts';

/** One take and its answer; times are those of `performance.now()`. */
export interface Answered {
  readonly request: TakeRequest;
  readonly outcome: TakeOutcome;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

export interface TakingCallersOptions {
  readonly limiter: RateLimiter;
  readonly callers: number;
  /** Of each caller, from an answer to its next take; while Redis is away answers come at once. */
  readonly pauseMs: number;
  /** What a caller asks for next, each time under a request id of its own. */
  readonly next: (caller: number) => TakeRequest;
}

/** A busy machine, a failover and what callers still want to take after it. */
const PATIENCE_MS = 45_000;

/** Callers that take from rate windows one after the other until they are told to stop. */
export class TakingCallers {
  readonly answers: Answered[] = [];
  sent = 0;
  readonly #options: TakingCallersOptions;
  readonly #work: Promise<unknown>;
  #stopped = false;

  constructor(options: TakingCallersOptions) {
    this.#options = options;
    const callers = Array.from({ length: options.callers }, (_, caller) => this.#caller(caller));
    this.#work = Promise.all(callers);
    // Whoever waits for the callers is told; until then a defect is not left without a handler.
    this.#work.catch(() => undefined);
  }

  /** Waits until so many more takes were answered in this way, by this tenant if one is named. */
  async until(kind: TakeOutcome['kind'], more: number, tenant?: string): Promise<void> {
    const from = this.answers.length;
    const holds = async (): Promise<boolean> => {
      const found = this.answers.slice(from).filter(({ request, outcome }) => {
        return outcome.kind === kind && (tenant === undefined || request.tenant === tenant);
      });
      return found.length >= more;
    };
    const problem = `never ${more} times ${kind}, but ${JSON.stringify(this.answers.at(-1))}`;
    await until(holds, PATIENCE_MS, problem);
  }

  /** Lets every caller finish the take it is at. */
  async stop(): Promise<readonly Answered[]> {
    this.#stopped = true;
    await this.#work;
    return this.answers;
  }

  async #caller(caller: number): Promise<void> {
    const { limiter, next, pauseMs } = this.#options;
    while (!this.#stopped) {
      const request = next(caller);
      this.sent += 1;
      const sentAtMs = performance.now();
      const outcome = await limiter.take(request);
      this.answers.push({ request, outcome, sentAtMs, answeredAtMs: performance.now() });
      await sleep(pauseMs);
    }
  }
}

/** The answers of one kind. */
export function ofKind(
  answers: readonly Answered[],
  kind: TakeOutcome['kind'],
): readonly Answered[] {
  return answers.filter(({ outcome }) => outcome.kind === kind);
}

/** The value that so many per mille of the values do not pass; NaN when there is none. */
export function perMille(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = Math.ceil((sorted.length * share) / 1_000) - 1;
  return sorted[Math.max(0, place)] ?? NaN;
}
