import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import type { ServeOptions } from './serve/run-serve.ts';

const AFTER = `
Examples:
  $ tollgate serve --try
  $ tollgate serve --config tollgate.yaml --listen unix:/run/tollgate.sock
  $ DATABASE_URL=postgres://… REDIS_URL=redis://… tollgate serve --config tollgate.yaml

Without DATABASE_URL the ledger is kept in the data directory, without REDIS_URL the rate windows
are kept in memory. Ctrl-C or SIGTERM answers what is under way, then stops.`;

export function registerServe(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .summary('run the sidecar')
    .description('Decides calls over gRPC until it is stopped.')
    .option('--config <file>', 'the configuration; changes are taken up while it runs')
    .option('--listen <address>', 'unix:/path, or host:port on loopback')
    .option('--data-dir <path>', 'where the embedded ledger and waiting records are kept')
    .option('--try', 'start with the quickstart configuration and show some decisions')
    .addHelpText('after', AFTER)
    .action(async (options: ServeOptions) => {
      const { runServe } = await import('./serve/run-serve.ts');
      context.exit(await runServe(options, context));
    });
}
