import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** From dist/src up to the root; more levels than there are. */
const MAX_LEVELS = 4;

/** The version in package.json, whether the program runs from src or from dist. */
export function programVersion(): string {
  let folder = import.meta.dirname;
  for (let level = 0; level < MAX_LEVELS; level++) {
    const text = readIfThere(join(folder, 'package.json'));
    if (text !== undefined) return (JSON.parse(text) as { readonly version: string }).version;
    folder = dirname(folder);
  }
  throw new Error(`no package.json above ${import.meta.dirname}`);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
