import type { Unavailable } from '../decision/ports.ts';

/** Told about each round that did something or could not. */
export interface RoundLog {
  /** @param count how many, at least 1. */
  done(count: number): void;
  failed(problem: string): void;
}

export interface RoundOptions {
  readonly everyMs: number;
  /** The first round begins now, not after `everyMs`. */
  readonly atOnce?: true;
  /** Does a bounded part of what there is to do, and answers how much that was. */
  readonly round: () => Promise<number | Unavailable>;
  readonly log: RoundLog;
}

/**
 * Does its rounds until it is stopped, one at a time. Several processes may do the same rounds on
 * one store.
 */
export function startRounds(options: RoundOptions): { stop(): Promise<void> } {
  const { everyMs, atOnce = false, round, log } = options;
  let running: Promise<void> | undefined;
  const once = async (): Promise<void> => {
    const outcome = await round();
    if (typeof outcome !== 'number') log.failed(outcome.problem);
    else if (outcome > 0) log.done(outcome);
  };
  const next = (): void => {
    running ??= once()
      .catch((error: unknown) => log.failed(String(error)))
      .finally(() => (running = undefined));
  };
  const timer = setInterval(next, everyMs);
  timer.unref();
  if (atOnce) next();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
