import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reasonPages } from './reason-pages.ts';

const folder = join(import.meta.dirname, '..', 'docs', 'reasons');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, text] of reasonPages()) writeFileSync(join(folder, name), text);
