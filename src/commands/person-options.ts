import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { CommandFailed } from './context.ts';
import { addressOption, jsonOption, spanMs } from './options.ts';
import type { SidecarOptions } from './sidecar.ts';

/** One person may have very many records. */
export const PATIENCE_MS = 60_000;

/** Who is asked about, as it is written on the command line. */
export interface PersonOptions extends SidecarOptions {
  readonly json?: true;
  readonly tenant?: string;
  readonly email?: string;
  readonly externalUserId?: string;
  readonly actor?: string;
}

export interface NamedPerson {
  readonly tenant: string;
  readonly email: string;
  readonly externalUserId: string;
  readonly actor: string;
}

export function addPersonOptions(command: Command): Command {
  return command
    .option('--tenant <id>', 'the organization; required')
    .option('--email <address>', 'of the person')
    .option('--external-user-id <id>', 'of the person in the external system')
    .option('--actor <id>', 'who asks, for the record (default: the name of this login)')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--timeout <time>', 'longest wait for one try (default: 60s)', spanMs);
}

/** @throws CommandFailed when nobody is named, or somebody twice. */
export function namedPerson(options: PersonOptions): NamedPerson {
  const { tenant, email = '', externalUserId = '', actor = loginName() } = options;
  if (tenant === undefined) {
    throw new CommandFailed('Of which organization? Name one: --tenant <id>');
  }
  if ((email === '') === (externalUserId === '')) {
    throw new CommandFailed('Who? Name the person by one of --email and --external-user-id.');
  }
  return { tenant, email, externalUserId, actor };
}

/** As an id of the contract. */
function loginName(): string {
  try {
    return userInfo().username.replace(/[^A-Za-z0-9._:-]/g, '-') || 'unknown';
  } catch {
    return 'unknown';
  }
}
