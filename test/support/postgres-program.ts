import { existsSync, readdirSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';

import { serverUser } from './server-user.ts';

/** Where scripts/install-postgres.sh keeps other versions than Debian's, each in a folder. */
const INSTALLED = join(import.meta.dirname, '..', '..', '.cache', 'postgres');
/** Debian keeps the server's programs out of PATH, in folders by version. */
const DEBIAN = '/usr/lib/postgresql';

/** The oldest version that scripts/install-postgres.sh installed: the oldest that is promised. */
export function oldestPostgres(): string {
  const oldest = versionsIn(INSTALLED)[0];
  if (oldest === undefined) throw new Error('no other Postgres is installed: run make servers');
  return oldest;
}

/**
 * The folder of initdb and postgres: those of the version, or without one those that
 * TEST_POSTGRES_VERSION names, or the newest of Debian's. Root runs them as another user, who may
 * not be allowed to read this project: they are copied to `directory`, once.
 * @returns '' for whatever PATH finds.
 */
export async function postgresPrograms(
  directory: string,
  version: string | undefined = process.env.TEST_POSTGRES_VERSION,
): Promise<string> {
  if (!version) {
    const newest = versionsIn(DEBIAN).at(-1);
    return newest === undefined ? '' : join(DEBIAN, newest, 'bin');
  }
  const installed = join(INSTALLED, version);
  if (!existsSync(installed)) {
    throw new Error(
      `Postgres ${version} is not installed: run make test-postgres VERSION=${version}`,
    );
  }
  if (serverUser().uid === undefined) return join(installed, 'bin');
  const copy = join(directory, 'program');
  if (!existsSync(copy)) await cp(installed, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

function versionsIn(folder: string): readonly string[] {
  const versions = existsSync(folder) ? readdirSync(folder) : [];
  return versions.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
}
