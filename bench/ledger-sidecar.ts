import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RoundOptions, RoundResult, StoresOptions } from './ledger-load.ts';
import type { WorkerAnswer, WorkerOrder } from './ledger-worker.ts';

/** Far longer than any round; a worker that says nothing for so long has hung. */
const ANSWER_MS = 60_000;

/** A sidecar process of the bench, from the parent's side. */
export class Sidecar implements AsyncDisposable {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'ledger-worker.ts'));

  /** Opens its stores; those that were open are closed before. */
  async open(stores: StoresOptions): Promise<void> {
    await this.#ask({ order: 'open', stores });
  }

  async round(round: RoundOptions): Promise<RoundResult> {
    const answer = await this.#ask({ order: 'round', round });
    if (answer.kind !== 'round') throw new Error(`a round was answered with ${answer.kind}`);
    return answer.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ask(order: WorkerOrder): Promise<WorkerAnswer> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(ANSWER_MS)]);
    const ended = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error('a sidecar of the bench ended');
    });
    const answered = once(this.#child, 'message', { signal });
    this.#child.send(order);
    try {
      const [answer] = (await Promise.race([answered, ended])) as [WorkerAnswer];
      if (answer.kind === 'failed') throw new Error(answer.problem);
      return answer;
    } finally {
      ended.catch(() => undefined);
      answered.catch(() => undefined);
      over.abort();
    }
  }
}
