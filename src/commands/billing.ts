import { Option, type Command } from 'commander';
import type { BillingOptions } from './billing/run-billing.ts';
import { CommandFailed, type CommandContext } from './context.ts';
import { addressOption, calendarMonth, jsonOption, spanMs } from './options.ts';

const AFTER = `
Examples:
  $ tollgate billing --tenant demo --month 2026-10 > demo-2026-10.csv
  $ tollgate billing --tenant demo --month 2026-10 --zone Europe/Paris --format json

The lines add up to what the ledger charged in that month, or nothing is printed. A month that is not
over is printed as it stands.`;

type Given = Omit<BillingOptions, 'tenant' | 'month'> & {
  readonly tenant?: string;
  readonly month?: string;
};

export function registerBilling(program: Command, context: CommandContext): void {
  program
    .command('billing')
    .summary('export what a month is to be billed')
    .description('Prints a line for each agent, team, user, provider and model that was charged.')
    .option('--tenant <id>', 'the organization; required')
    .option('--month <month>', 'for example 2026-10; required', calendarMonth)
    .option('--zone <zone>', 'IANA zone in which the month begins and ends', 'UTC')
    .addOption(
      new Option('--format <format>', 'what is printed').choices(['csv', 'json']).default('csv'),
    )
    .addOption(jsonOption())
    .addOption(addressOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', AFTER)
    .action(async ({ tenant, month, ...options }: Given) => {
      if (tenant === undefined || month === undefined) {
        throw new CommandFailed('Whose bill, and of when? --tenant <id> --month 2026-10');
      }
      const { runBilling } = await import('./billing/run-billing.ts');
      context.exit(await runBilling({ ...options, tenant, month }, context));
    });
}
