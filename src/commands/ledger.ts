import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../config.ts';
import { DATABASE_FOLDER, openLedger } from '../open-stores.ts';
import type { LedgerStores } from '../stores/postgres/ledger-stores.ts';
import { CommandFailed, isDefect } from './context.ts';
import { settingsFor } from './settings.ts';

export interface LedgerOptions {
  readonly dataDir?: string;
  /** Make the embedded ledger when there is none yet. */
  readonly create?: boolean;
}

export interface OpenLedger {
  readonly stores: LedgerStores;
  /** What people call it; never with a password. */
  readonly where: string;
}

/** Opens the ledger that `serve` would use with the same settings, and closes it afterwards. */
export async function withLedger<T>(
  { dataDir, create = false }: LedgerOptions,
  run: (ledger: OpenLedger) => Promise<T>,
): Promise<T> {
  const settings = settingsFor(dataDir === undefined ? {} : { dataDir });
  const where = nameOf(settings);
  const stores = await explained(where, () => open(settings, create));
  try {
    return await explained(where, () => run({ stores, where }));
  } finally {
    await stores.close();
  }
}

/** For commands that read a ledger as this program writes it. @throws CommandFailed */
export async function refuseOtherSchema({ stores, where }: OpenLedger): Promise<void> {
  const { pending, problem } = await stores.migrationStatus();
  if (problem !== '') throw new CommandFailed(`${where}: ${problem}`);
  if (pending.length === 0) return;
  throw new CommandFailed(
    `${where}: ${pending.length} migrations are pending. Apply them first: tollgate migrate up`,
  );
}

function nameOf(settings: Settings): string {
  return settings.database.url === undefined
    ? `embedded ledger ${embeddedDirectory(settings)}`
    : `ledger ${settings.describe().DATABASE_URL ?? ''}`;
}

function open(settings: Settings, create: boolean): Promise<LedgerStores> {
  const directory = embeddedDirectory(settings);
  if (settings.database.url === undefined && !create && isEmpty(directory)) {
    throw new CommandFailed(
      `There is no ledger in ${directory} yet. Name another with --data-dir or DATABASE_URL.`,
    );
  }
  // A connection that breaks while it is used is told by what used it.
  return openLedger(settings, () => undefined);
}

function embeddedDirectory({ dataDir }: Settings): string {
  return join(dataDir, DATABASE_FOLDER);
}

function isEmpty(directory: string): boolean {
  return !existsSync(directory) || readdirSync(directory).length === 0;
}

/** What a store says when it cannot answer is for people; a defect is not. */
async function explained<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CommandFailed || isDefect(error)) throw error;
    throw new CommandFailed(`${where}: ${messageOf(error)}`, { cause: error });
  }
}

/** A failed connection to a name with several addresses is an AggregateError without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
