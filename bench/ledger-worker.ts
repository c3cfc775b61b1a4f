import type { LedgerStores } from '../src/stores/postgres/ledger-stores.ts';
import {
  BatchTap,
  driveRound,
  openStores,
  type RoundOptions,
  type RoundResult,
  type StoresOptions,
} from './ledger-load.ts';

/** What the parent asks of a sidecar process; each question is answered once, in order. */
export type WorkerOrder = { readonly order: 'open'; readonly stores: StoresOptions } | RoundOrder;
type RoundOrder = { readonly order: 'round'; readonly round: RoundOptions };

export type WorkerAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'round'; readonly result: RoundResult }
  | { readonly kind: 'failed'; readonly problem: string };

/**
 * A sidecar's share of the ledger in a process of its own: its pool, its group commit and the
 * callers.
 */
const tap = new BatchTap();
let stores: LedgerStores | undefined;

async function obey(message: WorkerOrder): Promise<WorkerAnswer> {
  if (message.order === 'open') {
    await stores?.close();
    stores = openStores(message.stores, tap);
    const { healthy, problem } = await stores.health();
    return healthy ? { kind: 'ready' } : { kind: 'failed', problem };
  }
  if (!stores) return { kind: 'failed', problem: 'no stores are open' };
  return { kind: 'round', result: await driveRound(stores.ledger, tap, message.round) };
}

process.on('message', (message) => {
  obey(message as WorkerOrder)
    .catch((error: unknown): WorkerAnswer => ({ kind: 'failed', problem: String(error) }))
    .then((answer) => process.send?.(answer))
    .catch(() => process.exit(1));
});
process.once('disconnect', () => process.exit());
