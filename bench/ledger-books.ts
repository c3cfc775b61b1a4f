import type { LedgerStores } from '../src/stores/postgres/ledger-stores.ts';
import type { PostgresServer } from '../test/support/postgres-server.ts';
import { figure, type Figure } from './figures.ts';
import { HOT_BUDGET, SPENT, TENANT } from './ledger-calls.ts';
import { openStores } from './ledger-load.ts';

/** Whether the books agree with themselves and with what was spent; says where they do not. */
export async function checkBooks(url: string, cycles: number): Promise<readonly Figure[]> {
  const stores = openStores({ url });
  try {
    const startedMs = performance.now();
    const verified = await succeeds(stores.verify().then(refuseDiscrepancy));
    const verifyMs = performance.now() - startedMs;
    const spent = await succeeds(refuseOtherThan(stores, cycles));
    return [
      figure('cycles in the books', cycles, 'cycles'),
      figure('verify finds nothing', verified ? 1 : 0, '', 1),
      figure('verify', verifyMs / 1000, 's'),
      figure('committed is what was spent', spent ? 1 : 0, '', 1),
    ];
  } finally {
    await stores.close();
  }
}

function refuseDiscrepancy(report: Awaited<ReturnType<LedgerStores['verify']>>): void {
  if (report.kind !== 'ok') throw new Error(`the books disagree: ${JSON.stringify(report)}`);
}

async function refuseOtherThan(stores: LedgerStores, cycles: number): Promise<void> {
  // Two accounts when a month ends meanwhile.
  const hot = await stores.ledger.accounts({ tenant: TENANT, budgetId: HOT_BUDGET, pageSize: 2 });
  if ('kind' in hot) throw new Error(hot.problem);
  const committed = hot.items.reduce((sum, one) => sum + one.committed.costMicroUsd, 0n);
  const held = hot.items.reduce((sum, one) => sum + one.held.costMicroUsd, 0n);
  const spent = BigInt(cycles) * SPENT.costMicroUsd;
  if (committed !== spent || held !== 0n) {
    throw new Error(`committed ${committed} and held ${held}, but ${spent} was spent`);
  }
}

/** Figures that were measured are shown also when the books are wrong. */
async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
    return false;
  }
}

/** Batches take their locks in one order, so none ever waits for another in a circle. */
export async function checkLocks(server: PostgresServer): Promise<readonly Figure[]> {
  const rows = await server.run<{ deadlocks: string }>(
    'postgres',
    'select sum(deadlocks) as deadlocks from pg_stat_database',
  );
  const deadlocks = Number(rows[0]?.deadlocks);
  if (deadlocks > 0) process.exitCode = 1;
  return [
    figure('deadlocks', deadlocks, ''),
    figure('no batch was in a deadlock', deadlocks === 0 ? 1 : 0, '', 1),
  ];
}
