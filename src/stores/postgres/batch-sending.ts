import { setTimeout as delay } from 'node:timers/promises';

import type { Unavailable } from '../../decision/ports.ts';
import { failureOf, unavailable } from './errors.ts';

/**
 * Collisions are rare (a request repeated at the very same time, on another process) and over as
 * soon as the other transaction ends, so a fourth in a row means that something else is wrong.
 */
const MOST_TRIES = 4;
const FIRST_PAUSE_MS = 2;

/**
 * Sends a batch and answers each op: with what the database said, with `unavailable`, or with an
 * Error when the op itself is a defect. A batch that the database refuses because of one op's data
 * is sent again in halves, so that only that op fails; this is safe because a refused statement
 * changed nothing.
 * @param send `careful` after a collision.
 */
export async function sendBatch<Op, Answer>(
  ops: readonly Op[],
  send: (ops: readonly Op[], careful: boolean) => Promise<readonly Answer[]>,
): Promise<readonly (Answer | Unavailable | Error)[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send(ops, tries > 1);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'again' && tries < MOST_TRIES) {
        await delay(FIRST_PAUSE_MS * 2 ** tries * Math.random());
        continue;
      }
      if (failure.kind === 'refused' && ops.length > 1) return inHalves(ops, send);
      const answer =
        failure.kind === 'refused'
          ? failure.error
          : unavailable(failure.problem, failure.kind === 'again' || failure.undone);
      return ops.map(() => answer);
    }
  }
}

/** Halving a batch of 256 at most eight times reaches the single op. */
async function inHalves<Op, Answer>(
  ops: readonly Op[],
  send: (ops: readonly Op[], careful: boolean) => Promise<readonly Answer[]>,
): Promise<readonly (Answer | Unavailable | Error)[]> {
  const middle = Math.ceil(ops.length / 2);
  const first = await sendBatch(ops.slice(0, middle), send);
  return [...first, ...(await sendBatch(ops.slice(middle), send))];
}
