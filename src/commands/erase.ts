import type { Command } from 'commander';
import { CommandFailed, type CommandContext } from './context.ts';
import { addPersonOptions, namedPerson, type PersonOptions } from './person-options.ts';

const AFTER = `
Examples:
  $ tollgate erase --tenant demo --email ann@example.org --yes
  $ tollgate erase --tenant demo --external-user-id 29:1abc --yes --json`;

export function registerErase(program: Command, context: CommandContext): void {
  const command = program
    .command('erase')
    .summary('make what is kept about a person unreadable, for good')
    .description(
      "Destroys the keys that a person's data is sealed under. The decisions stay, without the person, and\n" +
        'the record stays verifiable; the erasure is recorded with them.',
    )
    .option('--yes', 'do it: nothing brings the data back');
  addPersonOptions(command)
    .addHelpText('after', AFTER)
    .action(async (options: PersonOptions & { readonly yes?: true }) => {
      const person = namedPerson(options);
      if (!options.yes) {
        throw new CommandFailed('Nothing brings the data back. Say that you mean it: --yes');
      }
      const { runErase } = await import('./erase/run-erase.ts');
      context.exit(await runErase(options, person, context));
    });
}
