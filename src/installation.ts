import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** From src or dist/src up to the root; more levels than there are. */
const MAX_LEVELS = 4;

/** Path of a file that is shipped with the program, whether it runs from src or from dist. */
export function shipped(path: string): string {
  let directory = import.meta.dirname;
  for (let level = 0; level < MAX_LEVELS; level += 1) {
    if (existsSync(join(directory, 'package.json'))) return join(directory, path);
    directory = dirname(directory);
  }
  throw new Error(`no package.json above ${import.meta.dirname}`);
}

/** The version in package.json. */
export function programVersion(): string {
  const text = readFileSync(shipped('package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
