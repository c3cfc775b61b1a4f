import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import type { LintOptions } from './lint/run-lint.ts';
import { jsonOption } from './options.ts';

const AFTER = `
Examples:
  $ tollgate lint tollgate.yaml
  $ tollgate lint tollgate.yaml --json

Exits with 1 when there is an error or a warning.`;

export function registerLint(program: Command, context: CommandContext): void {
  program
    .command('lint')
    .summary('check a configuration file without putting it in force')
    .description(
      'Lists everything that is wrong with a configuration file, and what is probably not meant.',
    )
    .argument('<file>', 'the configuration')
    .addOption(jsonOption())
    .addHelpText('after', AFTER)
    .action(async (file: string, options: LintOptions) => {
      const { runLint } = await import('./lint/run-lint.ts');
      context.exit(await runLint(file, options, context));
    });
}
