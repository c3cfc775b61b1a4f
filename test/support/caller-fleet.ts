import { Outcome, TollgateClient, TollgateError } from '../../clients/typescript/index.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { pause } from '../faults/waiting.ts';
import { randomFrom } from './random-from.ts';

const TENANT = 'acme';
const AGENT = 'bot';
/** With pauses of 25 ms: longer than any recovery takes. */
const MOST_TRIES = 2_400;
/** Reasons that say that a store was away, not what the budget says. */
const AWAY = ['ledger.unavailable', 'ledger.overloaded', 'record.unavailable'];

/** What a fleet of callers was told; every request was repeated until it was answered. */
export interface Told {
  settled: number;
  denied: number;
  committedMicroUsd: bigint;
}

/** Callers that reserve and settle against one address, repeating what is not answered. */
export class CallerFleet {
  readonly told: Told = { settled: 0, denied: 0, committedMicroUsd: 0n };
  readonly #client: TollgateClient;
  readonly #random: () => number;
  readonly #work: Promise<unknown>;
  #stopped = false;

  constructor(address: string, callers: number, seed: number) {
    this.#client = TollgateClient.connect(address, { retry: { attempts: 1 } });
    this.#random = randomFrom(seed);
    this.#work = Promise.all(Array.from({ length: callers }, (_, index) => this.#caller(index)));
  }

  /** Lets every caller finish the call it is at. */
  async stop(): Promise<Told> {
    this.#stopped = true;
    try {
      await this.#work;
      return this.told;
    } finally {
      this.#client.close();
    }
  }

  async #caller(index: number): Promise<void> {
    for (let call = 0; !this.#stopped; call += 1) await this.#call(`caller-${index}-${call}`);
  }

  async #call(id: string): Promise<void> {
    const estimate = 1_000n + BigInt(Math.floor(this.#random() * 1_000));
    const asked = { tenant: TENANT, agent: AGENT, estimate: { costMicroUsd: estimate } };
    const { decision, reservation } = await this.#answered(() =>
      this.#client.reserve({ requestId: id, call: asked }),
    );
    if (decision.effect !== Effect.ALLOW) {
      this.told.denied += 1;
      return;
    }
    const reservationId = reservation?.reservationId ?? '';
    const settle = { tenant: TENANT, requestId: `${id}-end`, reservationId };
    if (this.#random() < 0.1) {
      await this.#answered(() => this.#client.release({ ...settle, reason: 'not needed' }));
    } else {
      const costMicroUsd = estimate - BigInt(Math.floor(this.#random() * 900));
      const usage = { costMicroUsd };
      await this.#answered(() =>
        this.#client.commit({ ...settle, usage, outcome: Outcome.SUCCESS }),
      );
      this.told.committedMicroUsd += costMicroUsd;
    }
    this.told.settled += 1;
  }

  /** Repeats a request under its id until somebody decides it. */
  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await ask();
        if (!isAway(answer)) return answer;
      } catch (error) {
        const transient =
          error instanceof TollgateError &&
          ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'].includes(error.code);
        if (!transient) throw error;
      }
      if (tries === MOST_TRIES) throw new Error('no answer after all tries');
      await pause();
    }
  }
}

function isAway(answer: unknown): boolean {
  const { decision } = answer as {
    readonly decision?: { readonly reasons?: readonly { readonly code: string }[] };
  };
  return decision?.reasons?.some(({ code }) => AWAY.includes(code)) ?? false;
}
