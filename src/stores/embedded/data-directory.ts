import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the build puts the prepared directory, seen from the source and from the build. */
const TEMPLATES = ['../../../embedded-template/', '../../../dist/embedded-template/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** A prepared, migrated data directory; undefined when none was built. */
export function preparedTemplate(): string | undefined {
  return TEMPLATES.find(isDatabase);
}

/**
 * Fills an empty or missing data directory from the template, which takes a tenth of making one.
 * Either all of it is there afterwards or none: a copy cut short is never taken for data.
 * @returns false when there is data already or no template: the database then opens or makes it.
 */
export function fillFromTemplate(directory: string, template: string | undefined): boolean {
  removeUnfinishedCopies(directory);
  if (!isEmpty(directory) || template === undefined || !isDatabase(template)) return false;
  const copy = `${directory}.new.${process.pid}`;
  cpSync(template, copy, { recursive: true });
  if (existsSync(directory)) rmdirSync(directory);
  renameSync(copy, directory);
  return true;
}

/** @throws Error that says what to do, when the directory's place cannot be written. */
export function makeParent(directory: string): void {
  const parent = dirname(directory);
  const probe = `${directory}.probe.${process.pid}`;
  try {
    mkdirSync(parent, { recursive: true });
    mkdirSync(probe);
    rmdirSync(probe);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `the data directory ${directory} cannot be written (${why}). ` +
        'Make it writable for this user, or choose another one with TOLLGATE_DATA_DIR.',
      { cause: error },
    );
  }
}

function isDatabase(directory: string): boolean {
  return existsSync(join(directory, 'PG_VERSION'));
}

function isEmpty(directory: string): boolean {
  return !existsSync(directory) || readdirSync(directory).length === 0;
}

/** Only called under the directory's lock, so whoever began them is gone. */
function removeUnfinishedCopies(directory: string): void {
  const parent = dirname(directory);
  for (const name of readdirSync(parent)) {
    if (name.startsWith(`${basename(directory)}.new.`)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}
