import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import type { StatusOptions } from './status/run-status.ts';
import { addressOption, jsonOption, spanMs } from './options.ts';

const AFTER = `
Examples:
  $ tollgate status
  $ tollgate status --tenant demo
  $ tollgate status --address unix:/run/tollgate.sock --json

Exits with 1 when a part is not healthy or a newer configuration was refused.`;

export function registerStatus(program: Command, context: CommandContext): void {
  program
    .command('status')
    .summary('show how a running sidecar and its stores are')
    .description('Shows what is in force in a running sidecar, and whether its stores answer.')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--tenant <id>', 'show the accounts of this organization too')
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', AFTER)
    .action(async (options: StatusOptions) => {
      const { runStatus } = await import('./status/run-status.ts');
      context.exit(await runStatus(options, context));
    });
}
