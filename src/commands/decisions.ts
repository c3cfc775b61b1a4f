import type { Command } from 'commander';
import { CommandFailed, type CommandContext } from './context.ts';
import { addFilterOptions } from './decision-filters.ts';
import type { DecisionsOptions } from './decisions/run-decisions.ts';
import { addressOption, countBetween, jsonOption, spanMs } from './options.ts';

const MOST = 10_000;

const AFTER = `
Examples:
  $ tollgate decisions --tenant demo --effect deny --from 2026-11-01
  $ tollgate decisions --tenant demo --event rate_limit_exceeded --agent copilot
  $ tollgate decisions --tenant demo --email zoe@example.org --json

"tollgate explain" shows one of them in full, "tollgate export" writes all of them.`;

export function registerDecisions(program: Command, context: CommandContext): void {
  const command = program
    .command('decisions')
    .summary('list decisions from the record, newest first')
    .description('Lists what was decided, newest first. Every option narrows.');
  addFilterOptions(command)
    .option('--limit <count>', `at most this many, up to ${MOST}`, countBetween(1, MOST), 50)
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', AFTER)
    .action(async (options: Omit<DecisionsOptions, 'tenant'> & { readonly tenant?: string }) => {
      if (options.tenant === undefined) {
        throw new CommandFailed('Whose decisions? Name an organization: --tenant <id>');
      }
      const { runDecisions } = await import('./decisions/run-decisions.ts');
      context.exit(await runDecisions({ ...options, tenant: options.tenant }, context));
    });
}
