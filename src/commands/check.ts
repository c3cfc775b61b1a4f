import type { Command } from 'commander';
import { addCallOptions } from './check/call-options.ts';
import type { CommandContext } from './context.ts';
import type { CheckOptions } from './check/run-check.ts';
import { addressOption, jsonOption, spanMs, wholeNumber } from './options.ts';

const AFTER = `
Examples:
  $ tollgate check --tenant acme --agent copilot-hr --user alice --environment production
  $ tollgate check --tenant demo --agent code-model --input-tokens 1200 --reserve --release
  $ tollgate check --file request.json --explain --json

Exits with 0 on ALLOW and 1 on DENY. A check is a real request: it takes from the rate windows,
and with --reserve it holds money.`;

export function registerCheck(program: Command, context: CommandContext): void {
  const command = program
    .command('check')
    .summary('ask a running sidecar whether a call may go ahead')
    .description('Sends one request to a running sidecar and prints the verdict.')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .optionsGroup('The request:')
    .option('--file <path>', 'read the request from a file of proto JSON; - is standard input')
    .option('--explain', 'show how the decision came about')
    .option('--reserve', 'hold the estimate')
    .option('--release', 'with --reserve: give the hold back at once')
    .option('--hold-for <time>', 'with --reserve: how long, for example 5m', spanMs)
    .option('--accept-partial', 'with --reserve: hold what is left when it is less')
    .option('--authorization-token <token>', 'with --reserve: of an earlier check')
    .option('--request-id <id>', 'repeat an earlier request; default: a new UUID')
    .option('--min-revision <number>', 'least configuration revision', wholeNumber)
    .addHelpText('after', AFTER);
  addCallOptions(command).action(async (options: CheckOptions) => {
    const { runCheck } = await import('./check/run-check.ts');
    context.exit(await runCheck(options, context));
  });
}
