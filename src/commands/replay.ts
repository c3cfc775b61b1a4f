import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { countBetween, jsonOption, momentMs } from './options.ts';
import type { ReplayOptions } from './replay/run-replay.ts';

const MAX_USERS = 1_000_000;

const AFTER = `
Examples:
  $ tollgate replay --config candidate.yaml --from 2026-11-20 --to 2026-11-21
  $ tollgate replay --config candidate.yaml --tenant acme --out decisions.csv
  $ tollgate replay --config candidate.yaml --against tollgate.yaml --trace trace.csv --json

Nothing is asked of a sidecar and nothing is written to the ledger. Windows, budgets and settlements
are those of the replay: what was called before --from, and counts in windows and periods that reach
into it, is replayed too and not told of. With --against the two configurations are compared, and not
the candidate with the record.

Exits with 0 when no decision flips and with 1 when one does.`;

export function registerReplay(program: Command, context: CommandContext): void {
  program
    .command('replay')
    .summary('decide recorded calls again by another configuration')
    .description(
      'Decides the calls of the record, or of a trace, by a candidate configuration, and lists every\n' +
        'decision that would have been another one: how much of the record can be replayed at all,\n' +
        'which decisions flip and why, and what would have been spent.',
    )
    .requiredOption('--config <file>', 'the candidate')
    .option('--against <file>', 'compare with this configuration, not with what was recorded')
    .option('--from <moment>', 'decisions from then on, in ISO 8601', momentMs)
    .option('--to <moment>', 'exclusive', momentMs)
    .option(
      '--tenant <id>',
      'one organization alone; with --trace the one that pays (default: demo)',
    )
    .option('--out <file>', 'writes every decision, as .csv or .jsonl')
    .addOption(jsonOption())
    .option(
      '--trace <file>',
      'CSV with TIMESTAMP, ContextTokens and GeneratedTokens, not the record',
    )
    .option('--agent <id>', 'external agent that a trace calls', 'code-model')
    .option('--team <id>', 'team that a trace charges')
    .option('--model <name>', 'model that prices the tokens of a trace', 'gpt-4')
    .option(
      '--user-pool <count>',
      'spread the calls of a trace over this many users',
      countBetween(0, MAX_USERS),
      0,
    )
    .option('--data-dir <path>', 'of the embedded ledger (default: as `serve` uses)')
    .addHelpText('after', AFTER)
    .action(async (options: ReplayOptions) => {
      const { runReplay } = await import('./replay/run-replay.ts');
      context.exit(await runReplay(options, context));
    });
}
