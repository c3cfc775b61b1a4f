import { InvalidArgumentError, Option, type Command } from 'commander';
import { CommandFailed, type CommandContext } from './context.ts';
import { addressOption, jsonOption, momentMs, spanMs } from './options.ts';
import type { UsageOptions } from './usage/run-usage.ts';

const DIMENSIONS = ['agent', 'team', 'user', 'provider', 'model'];
const BUCKETS = ['hour', 'day', 'week', 'month', 'total'];

const AFTER = `
Examples:
  $ tollgate usage --tenant demo --by agent
  $ tollgate usage --tenant demo --by team,user --bucket day --from 2026-11-01 --zone Europe/Paris
  $ tollgate usage --tenant demo --bucket month --json`;

export function registerUsage(program: Command, context: CommandContext): void {
  program
    .command('usage')
    .summary('show what was charged, by time, agent, team and user')
    .description(
      'Sums what was charged, from the ledger itself. A charge counts when it was made: a commit when it\n' +
        'came, an expired hold when it was presumed spent, a late commit as the difference.',
    )
    .option('--tenant <id>', 'the organization; required')
    .option('--by <dimensions>', `any of ${DIMENSIONS.join(', ')}, separated by commas`, dimensions)
    .addOption(
      new Option('--bucket <span>', 'sums for each span of time').choices(BUCKETS).default('total'),
    )
    .option('--from <moment>', 'in ISO 8601 (default: 30 days ago)', momentMs)
    .option('--to <moment>', 'exclusive (default: now)', momentMs)
    .option('--zone <zone>', 'IANA zone of days, weeks and months', 'UTC')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', AFTER)
    .action(async (options: Omit<UsageOptions, 'tenant'> & { readonly tenant?: string }) => {
      if (options.tenant === undefined) {
        throw new CommandFailed('Whose usage? Name an organization: --tenant <id>');
      }
      const { runUsage } = await import('./usage/run-usage.ts');
      context.exit(await runUsage({ ...options, tenant: options.tenant }, context));
    });
}

function dimensions(text: string): readonly string[] {
  const named = text.split(',').map((one) => one.trim());
  const unknown = named.find((one) => !DIMENSIONS.includes(one));
  if (unknown === undefined) return named;
  throw new InvalidArgumentError(`"${unknown}" is none of ${DIMENSIONS.join(', ')}.`);
}
