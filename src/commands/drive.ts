import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from './context.ts';
import type { DriveOptions } from './drive/run-drive.ts';
import { addressOption, countBetween, jsonOption, spanMs } from './options.ts';

/** More than any one process keeps busy. */
const MAX_CONCURRENCY = 4_096;
const MAX_USERS = 1_000_000;

/** A drive loads the sidecar on purpose, so a call may wait longer than an ordinary one. */
const TIMEOUT_MS = 10_000;

const AFTER = `
Examples:
  $ tollgate drive --trace examples/azure-llm-code-2023.csv --concurrency 64
  $ tollgate drive --trace trace.csv --tenant acme --agent copilot --user-pool 50 --json

Each row is reserved at the estimate of its ContextTokens, then committed with its ContextTokens
and GeneratedTokens. Driving again with the same --run-id charges nothing again. Amounts are those
of the organization's account where there is one, and may then include earlier runs.`;

export function registerDrive(program: Command, context: CommandContext): void {
  program
    .command('drive')
    .summary('send a recorded hour of calls through a running sidecar')
    .description('Sends each row of a trace through a running sidecar: Reserve, then Commit.')
    .requiredOption('--trace <file>', 'CSV with the columns ContextTokens and GeneratedTokens')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--tenant <id>', 'organization that pays', 'demo')
    .option('--agent <id>', 'external agent that is called', 'code-model')
    .option('--team <id>', 'team that is charged')
    .option('--model <name>', 'model that prices the tokens', 'gpt-4')
    .option(
      '--user-pool <count>',
      'spread the calls over this many users',
      countBetween(0, MAX_USERS),
      0,
    )
    .option(
      '--concurrency <count>',
      'calls in flight at once',
      countBetween(1, MAX_CONCURRENCY),
      16,
    )
    .option(
      '--limit <count>',
      'drive only the first rows',
      countBetween(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--run-id <id>', 'makes the request ids; default: a new UUID', runId)
    .addOption(
      new Option('--timeout <time>', 'longest wait for one try')
        .argParser(spanMs)
        .default(TIMEOUT_MS, '10s'),
    )
    .addHelpText('after', AFTER)
    .action(async (options: DriveOptions) => {
      const { runDrive } = await import('./drive/run-drive.ts');
      context.exit(await runDrive(options, context));
    });
}

/** Leaves room for the row and the method in the contract's 128 characters of a request id. */
const RUN_ID = /^[A-Za-z0-9._:@-]{1,96}$/;

function runId(text: string): string {
  if (RUN_ID.test(text)) return text;
  throw new InvalidArgumentError('Expected at most 96 characters of A-Z a-z 0-9 . _ : @ -');
}
