import { expect } from 'vitest';

/**
 * A timer fires late on a machine that is busy with other tests; the promise is about not waiting
 * for the server.
 */
const SLACK_MS = 1_500;
/** Recovering from a kill takes a second, on a busy machine many. */
export const RECOVERY_MS = 30_000;
const POLL_MS = 25;

/** The answer, which has to come within the deadline that the ledger was opened with. */
export async function withinDeadline<T>(deadlineMs: number, ask: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const answer = await ask();
  expect(performance.now() - startedMs).toBeLessThan(deadlineMs + SLACK_MS);
  return answer;
}

/** Repeats a request under its id, as a caller does, until the store answers it. */
export async function recovered<T extends object>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + RECOVERY_MS;
  for (;;) {
    const answer = await ask();
    const away = 'kind' in answer && answer.kind === 'unavailable';
    if (!away || Date.now() > deadline) return answer;
    await pause();
  }
}

/** @param problem what to say when it never came true. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  problem: string,
): Promise<void> {
  const deadline = Date.now() + RECOVERY_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(problem);
    await pause();
  }
}

export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
