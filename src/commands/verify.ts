import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import type { VerifyOptions } from './verify/run-verify.ts';
import { jsonOption, momentMs } from './options.ts';

const AFTER = `
Examples:
  $ tollgate verify
  $ tollgate verify --tenant acme --since 2026-11-21T00:00:00Z
  $ tollgate verify --checkpoints kept.jsonl --public-key checkpoint.pub.pem
  $ DATABASE_URL=postgres://tollgate@localhost/tollgate tollgate verify --json

Exits with 1 at the first discrepancy.`;

export function registerVerify(program: Command, context: CommandContext): void {
  program
    .command('verify')
    .summary('prove that the books add up')
    .description(
      'Recomputes every account from its entries, checks the hash chain of entries and records, and\n' +
        'holds the chain against its signed checkpoints:\n' +
        'the database of DATABASE_URL, or the embedded ledger in the data directory.',
    )
    .addOption(jsonOption())
    .option('--tenant <id>', 'one organization alone')
    .option('--since <moment>', 'only what happened since then, in ISO 8601', momentMs)
    .option('--checkpoints <file>', 'checkpoints that were kept elsewhere, as JSON Lines')
    .option('--public-key <file...>', 'PEM files; what other keys signed is a discrepancy')
    .option('--data-dir <path>', 'of the embedded ledger (default: as `serve` uses)')
    .addHelpText('after', AFTER)
    .action(async (options: VerifyOptions) => {
      const { runVerify } = await import('./verify/run-verify.ts');
      context.exit(await runVerify(options, context));
    });
}
