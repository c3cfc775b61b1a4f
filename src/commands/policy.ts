import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { countBetween, jsonOption } from './options.ts';
import type { PolicyTestOptions } from './policy/run-policy-test.ts';

const GROUP_AFTER = `
Example:
  $ tollgate policy test examples/policies`;

const AFTER = `
Examples:
  $ tollgate policy test examples/policies
  $ tollgate policy test policies --min-coverage 80 --junit policies.xml

A suite is a file *.test.yaml beside the configuration that it names; docs/policies.md shows how to
write one. No sidecar is needed. Only policies decide: no window is taken from, no money is held.
Exits with 1 when a test fails or the coverage is below --min-coverage.`;

export function registerPolicy(program: Command, context: CommandContext): void {
  program
    .command('policy')
    .summary('test policies before they are in force: test')
    .description('Works on policies as they are written, without a sidecar.')
    .addHelpText('after', GROUP_AFTER)
    .command('test')
    .summary('run the suites of a directory against the policies beside them')
    .description('Runs every suite of a directory, and says what of the policies they covered.')
    .argument('<directory>', 'where configurations (*.yaml) and suites (*.test.yaml) are')
    .addOption(jsonOption())
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option(
      '--min-coverage <percent>',
      'fail when fewer of the policies decided, or fewer of the conditions were both true and false',
      countBetween(0, 100),
    )
    .addHelpText('after', AFTER)
    .action(async (directory: string, options: PolicyTestOptions) => {
      const { runPolicyTest } = await import('./policy/run-policy-test.ts');
      context.exit(await runPolicyTest(directory, options, context));
    });
}
