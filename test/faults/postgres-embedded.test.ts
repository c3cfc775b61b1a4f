import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { pgliteClient } from '../../src/stores/embedded/pglite-client.ts';
import { openEmbedded } from '../../src/stores/embedded/open-embedded.ts';
import { migrateUp } from '../../src/stores/postgres/migrate.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import {
  accountOf,
  as,
  expectVerified,
  finishHold,
  holdOf,
  readCosts,
  usd,
} from '../conformance/ledger/requests.ts';

const WRITER = fileURLToPath(new URL('./postgres-embedded-writer.ts', import.meta.url));
const ENOUGH_LINES = 400;

describe('the embedded store', { timeout: 60_000 }, () => {
  let root: string;
  let directory: string;
  let template: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tollgate-embedded-'));
    template = join(root, 'template');
    const database = await PGlite.create({ dataDir: template });
    await migrateUp(pgliteClient(database));
    await database.close();
  });
  beforeEach(async () => {
    directory = join(await mkdtemp(join(root, 'data-')), 'ledger');
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const open = (): Promise<LedgerStores> => openEmbedded({ directory, finishHold, template });

  it('X2 killed while it works: whatever was answered is there, and the books verify', async () => {
    as('held', await withStores(open, (stores) => stores.ledger.hold(holdOf('acme'))));
    const answered = await linesUntilKilled(directory);
    const stores = await open();
    for (const line of answered) {
      const [what, reservationId = ''] = line.split(' ');
      const reservation = await stores.ledger.reservation('acme', reservationId);
      if (what === 'committed') expect(reservation).toMatchObject({ state: 'committed' });
      else expect(reservation).toHaveProperty('state');
    }
    await expectVerified(stores);
    await stores.close();
  });

  it('a second process is refused while the first lives, and takes over when it is dead', async () => {
    const stores = await open();
    await expect(open()).rejects.toThrow(`in use by process ${process.pid}`);
    await stores.close();
    expect(existsSync(`${directory}.lock`)).toBe(false);
    // A lock of a process that is gone, of one whose pid another has by now, and one that is no
    // lock at all.
    const stale = [
      { pid: 2 ** 22 + 1, startedAt: '1' },
      { pid: process.pid, startedAt: '1' },
    ];
    for (const text of [...stale.map((holder) => JSON.stringify(holder)), 'rubbish']) {
      writeFileSync(`${directory}.lock`, text);
      await withStores(open, async () => {
        expect(await readFile(`${directory}.lock`, 'utf8')).toContain(`"pid":${process.pid}`);
      });
    }
  });

  it('what was held is there after closing and opening again', async () => {
    const account = accountOf({ caps: { costMicroUsd: usd(1.5) } });
    const request = holdOf('acme', [account]);
    as('held', await withStores(open, (stores) => stores.ledger.hold(request)));
    await withStores(open, async ({ ledger }) => {
      expect(await readCosts(ledger, 'acme', [account])).toEqual([{ held: usd(1), committed: 0n }]);
      expect(as('held', await ledger.hold(request)).replayed).toBe(true);
      as('denied', await ledger.hold(holdOf('acme', [account])));
    });
  });

  it('begins with a copy of the template: a copy that was cut short is thrown away, data never is', async () => {
    mkdirSync(`${directory}.new.1`, { recursive: true });
    await withStores(open, async (stores) => {
      expect(await stores.migrationStatus()).toMatchObject({ pending: [], problem: '' });
      expect((await stores.health()).healthy).toBe(true);
    });
    const parent = join(directory, '..');
    expect(await readdir(parent)).toEqual(['ledger']);
  });

  it('makes a database of its own when there is no template', async () => {
    const none = join(root, 'no-template');
    const stores = await openEmbedded({ directory, finishHold, template: none });
    as('held', await stores.ledger.hold(holdOf('acme')));
    await stores.close();
  });

  it('a directory that cannot be written: the error says what to do', async () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    const inside = openEmbedded({ directory: join(file, 'ledger'), finishHold, template });
    await expect(inside).rejects.toThrow(/cannot be written.*TOLLGATE_DATA_DIR/s);
  });
});

async function withStores<T>(
  open: () => Promise<LedgerStores>,
  work: (stores: LedgerStores) => Promise<T>,
): Promise<T> {
  const stores = await open();
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

/** Lines of a writer that is killed in the middle of its work. */
async function linesUntilKilled(directory: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let problems = '';
  child.stderr.on('data', (text: Buffer) => (problems += text.toString()));
  const ended = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === ENOUGH_LINES) child.kill('SIGKILL');
  }
  await ended;
  if (lines.length < ENOUGH_LINES) throw new Error(`the writer ended by itself: ${problems}`);
  return lines;
}
