import { parseArgs } from 'node:util';
import { benchDecision } from './decision.ts';
import { benchLedger } from './ledger.ts';
import { benchPolicy } from './policy.ts';
import { benchRecord } from './record.ts';
import { benchWindows } from './windows.ts';

/** `--only <part>` runs one; `--quick` and `--section <name>` are for developing some of them. */
const { only, quick, section } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    section: { type: 'string' },
  },
}).values;

// Servers that a part started are stopped when the process exits, which a signal alone skips.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Parts by name. */
const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  decision: benchDecision,
  ledger: () => benchLedger({ quick, section }),
  policy: () => benchPolicy({ quick, section }),
  record: () => benchRecord({ quick, section }),
  windows: () => benchWindows({ quick, section }),
};

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
