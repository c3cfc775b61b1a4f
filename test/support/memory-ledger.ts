import { ManualClock } from '../../src/lib/clock.ts';
import { MemoryLedger } from '../../src/stores/memory/memory-ledger.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import type { VerifyReport } from '../../src/stores/postgres/verify.ts';
import type { LedgerFixture } from '../conformance/ledger/fixtures.ts';
import { START_MS } from '../conformance/ledger/requests.ts';
import { groupedLedger } from './grouped-ledger.ts';

const NOT_HERE = (): never => {
  throw new Error('the ledger in memory has no database');
};

const NOTHING_VERIFIED = {
  kind: 'ok',
  ...{ batches: 0, entries: 0, reservations: 0, accounts: 0, alerts: 0, carries: 0, records: 0 },
  ...{ sums: 0, checkpoints: 0, unknownKeys: 0 },
} as const satisfies VerifyReport;

/** The ledger in memory behind the fixture of the conformance suite; its books are not verified. */
export async function memoryLedgerFixture(): Promise<LedgerFixture> {
  const clock = new ManualClock(START_MS);
  const inner = new MemoryLedger({ clock, remembered: 1_000_000 });
  const grouped = groupedLedger(inner);
  const ledger = {
    ...grouped,
    health: async () => ({ ...(await inner.health()), adapter: 'test' }),
  };
  const stores: Partial<LedgerStores> = {
    ledger,
    verify: () => Promise.resolve(NOTHING_VERIFIED),
    close: () => ledger.close(),
  };
  return {
    sql: { query: NOT_HERE, script: NOT_HERE, transaction: NOT_HERE, close: NOT_HERE },
    clock,
    // The suites that are run on it ask for nothing else.
    open: () => stores as LedgerStores,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
