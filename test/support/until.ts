import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Asks again and again until it holds. A question that throws does not hold yet.
 *
 * @param problem what to say when it never held; what was thrown last becomes its cause.
 * @throws Error when it did not hold within `withinMs`.
 */
export async function until(
  holds: () => Promise<boolean>,
  withinMs: number,
  problem: string,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > deadline) throw new Error(problem, { cause });
    await sleep(POLL_MS);
  }
}
