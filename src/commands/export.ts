import { Option, type Command } from 'commander';
import { CommandFailed, type CommandContext } from './context.ts';
import { addFilterOptions } from './decision-filters.ts';
import type { ExportOptions } from './export/run-export.ts';
import { addressOption, spanMs } from './options.ts';

const AFTER = `
Examples:
  $ tollgate export --tenant demo --from 2026-11-01 --to 2026-12-01 --format csv --out november.csv
  $ tollgate export --tenant demo --effect deny > denials.jsonl
  $ tollgate export --tenant demo --format parquet --out demo.parquet

Newest first. Records are written while they are read, so the size does not matter.`;

type Given = Omit<ExportOptions, 'tenant'> & { readonly tenant?: string };

export function registerExport(program: Command, context: CommandContext): void {
  const command = program
    .command('export')
    .summary('write decisions from the record to a file')
    .description(
      'Writes all decisions that fit, for archives and spreadsheets. Every option narrows.',
    );
  addFilterOptions(command)
    .addOption(
      new Option('--format <format>', 'what is written')
        .choices(['jsonl', 'csv', 'parquet'])
        .default('jsonl'),
    )
    .option('--out <file>', 'where it is written (default: standard output)')
    .addOption(addressOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', AFTER)
    .action(async ({ tenant, ...options }: Given) => {
      if (tenant === undefined) {
        throw new CommandFailed('Whose decisions? Name an organization: --tenant <id>');
      }
      if (options.format === 'parquet' && options.out === undefined) {
        throw new CommandFailed('Parquet is not for a terminal: name a file, --out <file>.parquet');
      }
      const { runExport } = await import('./export/run-export.ts');
      context.exit(await runExport({ ...options, tenant }, context));
    });
}
