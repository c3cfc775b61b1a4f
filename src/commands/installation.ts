import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** From dist/src/commands or src/commands up to the root; more levels than there are. */
const MAX_LEVELS = 6;

/** Path of a file that is shipped with the program, whether it runs from src or from dist. */
export function shipped(path: string): string {
  let directory = import.meta.dirname;
  for (let level = 0; level < MAX_LEVELS; level += 1) {
    if (existsSync(join(directory, 'package.json'))) return join(directory, path);
    directory = dirname(directory);
  }
  throw new Error(`no package.json above ${import.meta.dirname}`);
}
