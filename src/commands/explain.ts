import type { Command } from 'commander';
import { CommandFailed, type CommandContext } from './context.ts';
import { addressOption, jsonOption, spanMs } from './options.ts';
import type { ExplainOptions } from './explain/run-explain.ts';

const AFTER = `
Examples:
  $ tollgate explain --tenant demo dec_JllIlsBVpID-87qbE2HbbR
  $ tollgate explain --tenant demo dec_JllIlsBVpID-87qbE2HbbR --json

Exits with 0 when the decision was an ALLOW and with 1 when it was a DENY.`;

export function registerExplain(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .summary('show how a recorded decision came about')
    .description(
      'Shows a decision from the record as a tree: each policy that could apply, each of its conditions with\n' +
        'the value it saw and what came out, which policy decided, and the limits and budgets.',
    )
    .argument('<decision-id>', 'as the answer, the log and the record name it')
    .option('--tenant <id>', 'the organization; required')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', AFTER)
    .action(
      async (
        decisionId: string,
        options: Omit<ExplainOptions, 'tenant' | 'decisionId'> & {
          readonly tenant?: string;
        },
      ) => {
        const { tenant } = options;
        if (tenant === undefined) {
          throw new CommandFailed('Whose decision? Name an organization: --tenant <id>');
        }
        const { runExplain } = await import('./explain/run-explain.ts');
        context.exit(await runExplain({ ...options, tenant, decisionId }, context));
      },
    );
}
