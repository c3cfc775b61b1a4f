import { readFileSync } from 'node:fs';

/** Reads a statement from sql/, beside this file in the source as in the build. */
export function sqlFile(name: string): string {
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');
}
