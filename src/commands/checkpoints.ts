import type { Command } from 'commander';
import type { CheckpointsOptions } from './checkpoints/run-checkpoints.ts';
import type { CommandContext } from './context.ts';

const AFTER = `
Examples:
  $ tollgate checkpoints > kept.jsonl
  $ tollgate checkpoints --public-key > checkpoint.pub.pem
  $ tollgate verify --checkpoints kept.jsonl --public-key checkpoint.pub.pem

Keep both where whoever has the database cannot change them.`;

export function registerCheckpoints(program: Command, context: CommandContext): void {
  program
    .command('checkpoints')
    .summary('export the signed heads of the record')
    .description(
      'Prints the checkpoints of the record as JSON Lines. Each says under a signature where the chain\n' +
        'of an organization stood; with one in hand a rewritten history is found out.',
    )
    .option('--tenant <id>', 'one organization alone')
    .option('--public-key', 'print the public key that this machine signs with, as PEM')
    .option('--data-dir <path>', 'of the embedded ledger (default: as `serve` uses)')
    .addHelpText('after', AFTER)
    .action(async (options: CheckpointsOptions) => {
      const { runCheckpoints } = await import('./checkpoints/run-checkpoints.ts');
      context.exit(await runCheckpoints(options, context));
    });
}
