import type { BudgetLedger } from '../decision/ports.ts';

/** Expired holds are looked for this often; money presumed spent a second late harms nobody. */
const EVERY_MS = 1_000;
/** One round takes at most this many, so that it never holds its locks for long. */
const MOST_PER_ROUND = 500;

/** Told about each round that did something or could not. */
export interface ExpiryLog {
  expired(count: number): void;
  failed(problem: string): void;
}

/**
 * Presumes spent what expired, until it is stopped. Several processes may do it at the same time.
 */
export function startExpiry(ledger: BudgetLedger, log: ExpiryLog): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= expireRound(ledger, log)
      .catch((error: unknown) => log.failed(String(error)))
      .finally(() => (running = undefined));
  }, EVERY_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

async function expireRound(ledger: BudgetLedger, log: ExpiryLog): Promise<void> {
  const outcome = await ledger.expire(MOST_PER_ROUND);
  if (typeof outcome !== 'number') log.failed(outcome.problem);
  else if (outcome > 0) log.expired(outcome);
}
