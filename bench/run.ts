import { parseArgs } from 'node:util';
import { benchDecision } from './decision.ts';

/** Parts by name; `--only <part>` runs one. */
const PARTS: Readonly<Record<string, () => Promise<void>>> = { decision: benchDecision };

const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
if (only !== undefined && !PARTS[only]) {
  process.stderr.write(`There is no part "${only}". Parts: ${Object.keys(PARTS).join(', ')}.\n`);
  process.exit(2);
}
for (const [name, part] of Object.entries(PARTS)) {
  if (only === undefined || only === name) {
    process.stdout.write(`\n${name}\n`);
    await part();
  }
}
