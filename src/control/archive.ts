import type { BudgetLedger } from '../decision/ports.ts';
import { startRounds, type RoundLog } from './rounds.ts';

/** With MOST_PER_ROUND batches of up to 256 entries: more than a busy sidecar writes. */
const EVERY_MS = 1_000;
/** A round is one transaction, and small enough to be over in a fraction of a second. */
const MOST_PER_ROUND = 100;

/** Moves what is settled and old enough out of the way of new calls, until it is stopped. */
export function startArchive(
  ledger: BudgetLedger,
  olderThanMs: number,
  log: RoundLog,
): { stop(): Promise<void> } {
  return startRounds({
    everyMs: EVERY_MS,
    round: () => ledger.archive(olderThanMs, MOST_PER_ROUND),
    log,
  });
}
