import { ManualClock } from '../../src/lib/clock.ts';
import { MemoryLedger } from '../../src/stores/memory/memory-ledger.ts';
import type { LedgerFixture } from '../conformance/ledger/fixtures.ts';
import { START_MS } from '../conformance/ledger/requests.ts';
import { groupedLedger } from './grouped-ledger.ts';

const NOT_HERE = (): never => {
  throw new Error('the ledger in memory has no database');
};

/** The ledger in memory behind the fixture of the conformance suite; its books are not verified. */
export async function memoryLedgerFixture(): Promise<LedgerFixture> {
  const clock = new ManualClock(START_MS);
  const inner = new MemoryLedger({ clock, remembered: 1_000_000 });
  const grouped = groupedLedger(inner);
  const ledger = {
    ...grouped,
    health: async () => ({ ...(await inner.health()), adapter: 'test' }),
  };
  const nothing = { batches: 0, entries: 0, reservations: 0, accounts: 0, alerts: 0 };
  return {
    sql: { query: NOT_HERE, script: NOT_HERE, transaction: NOT_HERE, close: NOT_HERE },
    clock,
    open: () => ({
      ledger,
      lineage: { append: NOT_HERE, get: NOT_HERE, list: NOT_HERE },
      sums: { rollUp: NOT_HERE, calibrations: NOT_HERE },
      health: () => ledger.health(),
      migrateUp: NOT_HERE,
      migrateDown: NOT_HERE,
      migrationStatus: NOT_HERE,
      verify: () => Promise.resolve({ kind: 'ok', ...nothing, carries: 0, records: 0, sums: 0, checkpoints: 0, unknownKeys: 0 }),
      close: () => ledger.close(),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
