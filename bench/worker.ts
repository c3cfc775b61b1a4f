import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Far longer than any order takes; a worker that says nothing for so long has hung. */
const ANSWER_MS = 60_000;

type Answer<Result> = { readonly result: Result } | { readonly problem: string };

/** A process of the bench on cores of its own, which is given orders one after the other. */
export class Worker<Order extends object, Result> implements AsyncDisposable {
  readonly #child: ChildProcess;

  /** @param script calls `obeyOrders` */
  constructor(script: string, cores: string) {
    const execArgv = ['-c', cores, process.execPath];
    this.#child = fork(script, { execPath: 'taskset', execArgv });
  }

  async obey(order: Order): Promise<Result> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(ANSWER_MS)]);
    const ended = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error('a worker of the bench ended');
    });
    const answered = once(this.#child, 'message', { signal });
    this.#child.send(order);
    try {
      const [answer] = (await Promise.race([answered, ended])) as [Answer<Result>];
      if ('problem' in answer) throw new Error(answer.problem);
      return answer.result;
    } finally {
      ended.catch(() => undefined);
      answered.catch(() => undefined);
      over.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** The worker's side; it is given what the parent's `Worker` says it is given. */
export function obeyOrders<Result>(obey: (order: never) => Promise<Result>): void {
  const answer = async (order: unknown): Promise<Answer<Result>> => {
    try {
      return { result: await obey(order as never) };
    } catch (error) {
      return { problem: String(error) };
    }
  };
  process.on('message', (order) => {
    answer(order)
      .then((answered) => process.send?.(answered))
      .catch(() => process.exit(1));
  });
  process.once('disconnect', () => process.exit());
}
