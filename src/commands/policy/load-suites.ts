import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EnvironmentDefaults } from '../../configuration/environment-defaults.ts';
import { loadConfiguration, type Loaded } from '../../configuration/load.ts';
import { inFileOrder, type Problem, problemText } from '../../configuration/problem.ts';
import { lookAt, readText } from '../../configuration/read-file.ts';
import { CommandFailed } from '../context.ts';
import { readSuite, type Suite } from './read-suite.ts';
import { MAX_TESTS } from './suite-document.ts';

/** A configuration and the suites that ask it. */
export interface Subject {
  /** As people name it. */
  readonly file: string;
  readonly loaded: Loaded;
  /** Empty for a configuration that nobody tests. */
  readonly suites: readonly Suite[];
}

export interface LoadSuitesOptions {
  readonly environmentDefaults: EnvironmentDefaults;
  readonly nowMs: number;
}

const SUITE = /[.]test[.]ya?ml$/;
const YAML = /[.]ya?ml$/;
/** What tells a configuration from other YAML; whoever misses it finds the file untested. */
const VERSION = /^version:[ \t]*1\b/m;

/**
 * Reads the suites and the configurations of a directory, not of directories in it, and whatever
 * configuration a suite names elsewhere.
 * @throws CommandFailed with everything that is wrong in any of them.
 */
export async function loadSuites(
  directory: string,
  options: LoadSuitesOptions,
): Promise<readonly Subject[]> {
  const names = await filesIn(directory);
  const problems: Problem[] = [];
  const suites: Suite[] = [];
  for (const name of names.filter((one) => SUITE.test(one))) {
    suites.push(...(await suiteOf(join(directory, name), problems)));
  }
  if (suites.length === 0 && problems.length === 0) {
    throw new CommandFailed(`${directory} has no suite: a file whose name ends in .test.yaml.`);
  }
  refuseTooMany(suites);
  const bySubject = Map.groupBy(suites, ({ file, configuration }) =>
    join(dirname(file), configuration),
  );
  const untested = await configurationsIn(directory, names, bySubject);
  const subjects: Subject[] = [];
  for (const file of [...bySubject.keys(), ...untested].sort()) {
    const asking = bySubject.get(file) ?? [];
    const loaded = await configurationOf(file, asking, options, problems);
    if (!loaded) continue;
    problems.push(...asking.flatMap((suite) => inFileOrder(strangersIn(suite, file, loaded))));
    subjects.push({ file, loaded, suites: asking });
  }
  if (problems.length === 0) return subjects;
  throw new CommandFailed(`Nothing was tested:\n${problems.map(problemText).join('\n')}`);
}

async function filesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOTDIR' ? 'is no directory' : `cannot be read: ${code ?? ''}`;
    throw new CommandFailed(`${directory} ${code === 'ENOENT' ? 'does not exist' : reason}.`);
  }
}

async function suiteOf(file: string, problems: Problem[]): Promise<readonly Suite[]> {
  const text = await textOf(file);
  if (typeof text !== 'string') {
    problems.push(text);
    return [];
  }
  const read = readSuite(text, file);
  if (read.kind === 'read') return [read.suite];
  problems.push(...read.problems);
  return [];
}

/** Text of a file, or why not. */
async function textOf(file: string): Promise<string | Problem> {
  const { problem } = await lookAt(file);
  if (problem) return problem;
  const read = await readText(file);
  return read.kind === 'text' ? read.text : read.problem;
}

function refuseTooMany(suites: readonly Suite[]): void {
  const count = suites.reduce((sum, { tests }) => sum + tests.length, 0);
  if (count <= MAX_TESTS) return;
  throw new CommandFailed(`There are ${count} tests; one run has at most ${MAX_TESTS}.`);
}

async function configurationsIn(
  directory: string,
  names: readonly string[],
  tested: ReadonlyMap<string, unknown>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    const file = join(directory, name);
    if (!YAML.test(name) || SUITE.test(name) || tested.has(file)) continue;
    const text = await textOf(file);
    if (typeof text === 'string' && VERSION.test(text)) found.push(file);
  }
  return found;
}

async function configurationOf(
  file: string,
  asking: readonly Suite[],
  { environmentDefaults, nowMs }: LoadSuitesOptions,
  problems: Problem[],
): Promise<Loaded | undefined> {
  const text = await textOf(file);
  if (typeof text !== 'string') {
    const message = `${file}: ${text.message}`;
    problems.push(...asking.map((suite) => suite.problemAt(['configuration'], message)));
    return undefined;
  }
  const options = { file, environmentDefaults, changedAtMs: nowMs, nowMs, previous: undefined };
  const load = loadConfiguration(text, options);
  if (load.kind === 'loaded') return load;
  problems.push(...load.problems);
  return undefined;
}

/** What a suite names and its configuration does not have. */
function strangersIn(suite: Suite, file: string, { snapshot, document }: Loaded): Problem[] {
  const policies = new Set(document.policies.map(({ id }) => id));
  return suite.tests.flatMap(({ call, expect }, index) => {
    const problems: Problem[] = [];
    const path = ['tests', index] as const;
    if (!snapshot.tenants.has(call.tenant)) {
      const message = `${file} has no tenant "${call.tenant}"`;
      problems.push(suite.problemAt([...path, 'call', 'tenant'], message));
    }
    const named = [
      ...(expect.deciding ?? []).map((id, place) => ({ id, at: ['deciding', place] })),
      ...(expect.reasons ?? []).map((reason, place) => ({
        id: /^policy[.]\S+ (\S+)$/.exec(reason)?.[1],
        at: ['reasons', place],
      })),
    ];
    for (const { id, at } of named) {
      if (id === undefined || policies.has(id)) continue;
      const message = `${file} has no policy "${id}"`;
      problems.push(suite.problemAt([...path, 'expect', ...at], message));
    }
    return problems;
  });
}
