import type { Unavailable, UsageSums } from '../decision/ports.ts';
import type { Recalibration } from '../decision/usage.ts';
import { startRounds } from './rounds.ts';

const EVERY_MS = 2_000;
/** A step is one transaction, over in a fraction of a second also in the embedded ledger. */
const ENTRIES_PER_STEP = 500;
/** With ENTRIES_PER_STEP and EVERY_MS 10,000 entries a second: more than a busy sidecar writes. */
const STEPS_PER_ROUND = 40;

/** Told about each round. */
export interface RollUpLog {
  /** @param entries summed by this round, 0 or more. */
  done(entries: number, batchesBehind: number): void;
  recalibrated(one: Recalibration): void;
  failed(problem: string): void;
}

/** Brings the sums of usage up to the entries, until it is stopped. */
export function startRollUp(sums: UsageSums, log: RollUpLog): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const rounds = startRounds({
    everyMs: EVERY_MS,
    round: () => rollUpRound(sums, log, stopping.signal),
    log: { done: () => undefined, failed: (problem) => log.failed(problem) },
  });
  return {
    stop: () => {
      stopping.abort();
      return rounds.stop();
    },
  };
}

/** Steps until nothing is behind, or enough for one round. @returns entries summed. */
export async function rollUpRound(
  sums: UsageSums,
  log: RollUpLog,
  stopping?: AbortSignal,
): Promise<number | Unavailable> {
  let entries = 0;
  let batchesBehind = 0;
  for (let step = 0; step < STEPS_PER_ROUND; step += 1) {
    const outcome = await sums.rollUp(ENTRIES_PER_STEP);
    if ('kind' in outcome) return outcome;
    entries += outcome.entries;
    ({ batchesBehind } = outcome);
    for (const one of outcome.recalibrated) log.recalibrated(one);
    if (outcome.batches === 0 || batchesBehind === 0 || stopping?.aborted) break;
  }
  log.done(entries, batchesBehind);
  return entries;
}
