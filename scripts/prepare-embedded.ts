// Makes dist/embedded-template: an empty, migrated database that openEmbedded copies, because
// making one takes seconds.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { PGlite } from '@electric-sql/pglite';

import { pgliteClient } from '../src/stores/embedded/pglite-client.ts';
import { migrateUp } from '../src/stores/postgres/migrate.ts';

const target = fileURLToPath(new URL('../dist/embedded-template', import.meta.url));
const fresh = `${target}.new`;

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const database = await PGlite.create({ dataDir: fresh });
await migrateUp(pgliteClient(database));
await database.exec('checkpoint');
await database.close();

// Only a finished directory gets the name that is looked for.
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
