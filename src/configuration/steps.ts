import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Work that can be interrupted wherever it yields. What one step does must take far less than
 * SLICE_MS.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** How long work goes on before callers have their turn. */
const SLICE_MS = 1;

/** Does all of it at once. */
export function allAtOnce<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/**
 * Does it between the turns of the event loop, a little each time.
 * @throws the signal's reason once it is aborted.
 */
export async function betweenTurns<T>(steps: Steps<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    const endMs = performance.now() + SLICE_MS;
    let step = steps.next();
    while (!step.done && performance.now() < endMs) step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
    signal.throwIfAborted();
  }
}
