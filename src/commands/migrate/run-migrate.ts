import type { LedgerStores } from '../../stores/postgres/ledger-stores.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { withLedger } from '../ledger.ts';
import { tableLines } from '../text/table.ts';
import { timeText } from '../text/units.ts';

export interface MigrateOptions {
  readonly json?: true;
  readonly dataDir?: string;
  readonly to?: number;
}

export type MigrateAction = 'up' | 'down' | 'status';

/** Applies, takes back or lists migrations. `status` exits with 1 while one is pending. */
export async function runMigrate(
  action: MigrateAction,
  options: MigrateOptions,
  streams: Streams,
): Promise<ExitCode> {
  return withLedger({ ...options, create: action === 'up' }, async ({ stores, where }) => {
    if (action === 'status') return printStatus(stores, where, options, streams);
    const numbers =
      action === 'up'
        ? await stores.migrateUp()
        : await stores.migrateDown(options.to ?? (await secondNewest(stores)));
    if (options.json) printJson(streams.stdout, { [WORD[action]]: numbers });
    else printLines(streams.stdout, [changeText(action, numbers, where)]);
    return 0;
  });
}

const WORD = { up: 'applied', down: 'taken_back' } as const;

/** The version that stays when the newest migration is taken back. */
async function secondNewest(stores: LedgerStores): Promise<number> {
  const { applied } = await stores.migrationStatus();
  return applied.at(-2)?.number ?? 0;
}

function changeText(action: 'up' | 'down', numbers: readonly number[], where: string): string {
  if (numbers.length === 0) return `${where}: nothing to do.`;
  const list = numbers.map(label).join(', ');
  return action === 'up' ? `${where}: applied ${list}.` : `${where}: took back ${list}.`;
}

async function printStatus(
  stores: LedgerStores,
  where: string,
  options: MigrateOptions,
  streams: Streams,
): Promise<ExitCode> {
  const status = await stores.migrationStatus();
  const { applied, pending, problem } = status;
  if (options.json) {
    printJson(streams.stdout, status);
  } else {
    printLines(streams.stdout, [
      where,
      ...tableLines(
        [{ title: 'migration' }, { title: 'state' }],
        [
          ...applied.map(({ number, name, appliedAtMs }) => [
            `${label(number)}-${name}`,
            `applied ${timeText(new Date(appliedAtMs))}`,
          ]),
          ...pending.map(({ number, name }) => [`${label(number)}-${name}`, 'pending']),
        ],
      ),
      ...(problem === '' ? [] : [problem]),
    ]);
  }
  return pending.length === 0 && problem === '' ? 0 : 1;
}

/** As the files are named. */
function label(number: number): string {
  return String(number).padStart(4, '0');
}
