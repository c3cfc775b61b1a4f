import type { BudgetLedger } from '../decision/ports.ts';
import { startRounds, type RoundLog } from './rounds.ts';

/** Money presumed spent a second late harms nobody. */
const EVERY_MS = 1_000;
/** One round takes at most this many, so that it never holds its locks for long. */
const MOST_PER_ROUND = 500;

/** Presumes spent what expired, until it is stopped. */
export function startExpiry(ledger: BudgetLedger, log: RoundLog): { stop(): Promise<void> } {
  return startRounds({ everyMs: EVERY_MS, round: () => ledger.expire(MOST_PER_ROUND), log });
}
