import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import type { MigrateAction, MigrateOptions } from './migrate/run-migrate.ts';
import { countBetween, jsonOption } from './options.ts';

const AFTER = `
Examples:
  $ tollgate migrate status
  $ DATABASE_URL=postgres://tollgate@localhost/tollgate tollgate migrate up
  $ tollgate migrate down --to 1`;

/** Migrations are numbered with four digits. */
const MAX_VERSION = 9_999;

const SUMMARIES: Readonly<Record<MigrateAction, string>> = {
  up: 'bring the ledger to the newest schema',
  down: 'take the last migration back, or all above --to; what they hold is lost',
  status: 'list the migrations and which are applied',
};

export function registerMigrate(program: Command, context: CommandContext): void {
  const migrate = program
    .command('migrate')
    .summary('change the schema of the ledger: up, down, status')
    .description(
      'Works on the database of DATABASE_URL, or on the embedded ledger in the data directory.',
    )
    .addHelpText('after', AFTER);
  for (const action of ['up', 'down', 'status'] as const) {
    const command = migrate
      .command(action)
      .summary(SUMMARIES[action])
      .description(`Migrations of the ledger: ${SUMMARIES[action]}.`)
      .addOption(jsonOption())
      .option('--data-dir <path>', 'of the embedded ledger (default: as `serve` uses)')
      .addHelpText('after', `\nExample:\n  $ tollgate migrate ${action}`)
      .action(async (options: MigrateOptions) => {
        const { runMigrate } = await import('./migrate/run-migrate.ts');
        context.exit(await runMigrate(action, options, context));
      });
    if (action === 'down') {
      command.option(
        '--to <version>',
        'the version that stays the newest; 0 takes back all',
        countBetween(0, MAX_VERSION),
      );
    }
  }
}
