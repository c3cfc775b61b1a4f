import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const projectRoot = join(import.meta.dirname, '../..');

/** Path from the root of a project to the text of the file. */
export type Files = Readonly<Record<string, string>>;

/**
 * A project on disk that exists only to break rules. It lies inside this one, so that packages and
 * the compiler are found, in a folder that no check of this project looks at.
 */
export class ScratchProject implements Disposable {
  readonly root: string;

  constructor(files: Files) {
    const parent = join(projectRoot, '.cache');
    mkdirSync(parent, { recursive: true });
    this.root = mkdtempSync(join(parent, 'scratch-'));
    for (const [path, text] of Object.entries(files)) {
      const target = join(this.root, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
