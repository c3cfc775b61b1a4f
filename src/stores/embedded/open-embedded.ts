import { resolve } from 'node:path';

import { PGlite } from '@electric-sql/pglite';

import type { Clock } from '../../lib/clock.ts';
import { GROUP_COMMIT, type GroupCommitSettings } from '../postgres/group-commit.ts';
import { ledgerStores, type LedgerStores } from '../postgres/ledger-stores.ts';
import type { FinishHold } from '../postgres/postgres-lineage.ts';
import { fillFromTemplate, makeParent, preparedTemplate } from './data-directory.ts';
import { lockDirectory } from './directory-lock.ts';
import { pgliteClient } from './pglite-client.ts';

export interface OpenEmbeddedOptions {
  /**
   * Directory of the database, made when it is missing. `<directory>.lock` beside it keeps other
   * processes out.
   */
  readonly directory: string;
  readonly finishHold: FinishHold;
  readonly groupCommit?: Partial<GroupCommitSettings>;
  readonly clock?: Clock;
  /** A prepared directory to begin with; absent means the one that the build made, if it did. */
  readonly template?: string;
}

/**
 * Batches of a hundred-odd: the database works in this process, and while it does, nothing else
 * here is answered. One lane, because it runs one statement at a time.
 */
const EMBEDDED_GROUP_COMMIT: GroupCommitSettings = { ...GROUP_COMMIT, lanes: 1, maxBatch: 128 };

/**
 * Opens the money store in a local directory: Postgres compiled into this process, the same SQL and
 * migrations as on a server, applied on opening. What was answered survives a kill of this process.
 * @throws Error that says what to do, when the directory cannot be written, is in use, or belongs
 * to a newer program.
 */
export async function openEmbedded(options: OpenEmbeddedOptions): Promise<LedgerStores> {
  const directory = resolve(options.directory);
  makeParent(directory);
  const unlock = lockDirectory(directory);
  try {
    fillFromTemplate(directory, options.template ?? preparedTemplate());
    const database = await PGlite.create({ dataDir: directory, relaxedDurability: false });
    const stores = ledgerStores(pgliteClient(database), {
      adapter: 'embedded',
      finishHold: options.finishHold,
      groupCommit: { ...EMBEDDED_GROUP_COMMIT, ...options.groupCommit },
      ...(options.clock && { clock: options.clock }),
    });
    await stores.migrateUp();
    return { ...stores, close: () => stores.close().finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
}
