import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { addPersonOptions, namedPerson, type PersonOptions } from './person-options.ts';

const AFTER = `
Examples:
  $ tollgate person --tenant demo --email ann@example.org
  $ tollgate person --tenant demo --email ann@example.org --json > ann.jsonl`;

export function registerPerson(program: Command, context: CommandContext): void {
  const command = program
    .command('person')
    .summary('show what is kept about a person')
    .description(
      'Shows every decision about a call of a person with the personal data that is kept beside it.\n' +
        'Who asked is recorded.',
    );
  addPersonOptions(command)
    .addHelpText('after', AFTER)
    .action(async (options: PersonOptions) => {
      const person = namedPerson(options);
      const { runPerson } = await import('./person/run-person.ts');
      context.exit(await runPerson(options, person, context));
    });
}
