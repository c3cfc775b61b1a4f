import type { EnvironmentDefaults } from '../../configuration/environment-defaults.ts';
import { loadConfiguration } from '../../configuration/load.ts';
import { problemText } from '../../configuration/problem.ts';
import { decodeText, readBytes } from '../../configuration/read-file.ts';
import type { Snapshot } from '../../decision/snapshot.ts';
import { CommandFailed } from '../context.ts';

/**
 * Reads a configuration. When it was changed does not matter here: the same text gives the same
 * snapshot.
 * @throws CommandFailed with everything that is wrong with it
 */
export async function loadCandidate(
  file: string,
  environmentDefaults: EnvironmentDefaults,
): Promise<Snapshot> {
  const read = await readBytes(file);
  const text = read.kind === 'bytes' ? decodeText(read.bytes, file) : read;
  if (text.kind === 'unreadable') throw new CommandFailed(`${file}: ${text.problem.message}.`);
  const load = loadConfiguration(text.text, {
    file,
    environmentDefaults,
    changedAtMs: 0,
    nowMs: 0,
    previous: undefined,
  });
  if (load.kind === 'loaded') return load.snapshot;
  throw new CommandFailed(
    `The configuration cannot be used:\n${load.problems.map(problemText).join('\n')}`,
  );
}
