import { MAX_FILE_BYTES, MAX_PROBLEMS } from '../../configuration/bounds.ts';
import type { Finding } from '../../configuration/issue-words.ts';
import { type FieldPath, inFileOrder, type Problem } from '../../configuration/problem.ts';
import { schemaFindings } from '../../configuration/schema-findings.ts';
import { readYaml, type YamlFile } from '../../configuration/yaml-file.ts';
import type { Call } from '../../decision/call.ts';
import { suiteCall } from './suite-call.ts';
import { type SuiteDocument, suiteSchema } from './suite-document.ts';

/** A suite that can be run against its configuration. */
export interface Suite {
  /** As it was given. */
  readonly file: string;
  /** As it is written: a path that begins where the suite is. */
  readonly configuration: string;
  readonly tests: readonly SuiteTest[];
  /** A problem at a path of the suite. */
  readonly problemAt: (path: FieldPath, message: string) => Problem;
}

export interface SuiteTest {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly atMs: number;
  readonly call: Call;
  readonly expect: Expectation;
}

export type Expectation = SuiteDocument['tests'][number]['expect'];

export type SuiteRead =
  | { readonly kind: 'read'; readonly suite: Suite }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** Reads a suite in itself. A refusal lists everything that is wrong, in the order of the file. */
export function readSuite(text: string, file: string): SuiteRead {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    const message = `the file is larger than ${MAX_FILE_BYTES} bytes`;
    return { kind: 'refused', problems: [{ file, line: 1, column: 1, field: '', message }] };
  }
  const yaml = readYaml(text, file);
  if (yaml.problems.length > 0) return { kind: 'refused', problems: inFileOrder(yaml.problems) };
  const result = suiteSchema.safeParse(yaml.value);
  if (!result.success) {
    return refused(yaml, schemaFindings(suiteSchema, result.error.issues, yaml.value));
  }
  const findings: Finding[] = [...repeatedNames(result.data, yaml)];
  const tests = result.data.tests.flatMap((_test, index) =>
    testOf(result.data, index, yaml, findings),
  );
  if (findings.length > 0) return refused(yaml, findings);
  const problemAt: Suite['problemAt'] = (path, message) => yaml.problemAt(path, 'value', message);
  return {
    kind: 'read',
    suite: { file, configuration: result.data.configuration, tests, problemAt },
  };
}

function refused(yaml: YamlFile, findings: readonly Finding[]): SuiteRead {
  // A mistake in the defaults is found in every test, and said once.
  const once = new Map(findings.map((one) => [`${one.path.join('.')} ${one.message}`, one]));
  const problems = [...once.values()]
    .slice(0, MAX_PROBLEMS)
    .map(({ path, at, message }) => yaml.problemAt(path, at, message));
  return { kind: 'refused', problems: inFileOrder(problems) };
}

function testOf(
  { defaults, tests, at }: SuiteDocument,
  index: number,
  yaml: YamlFile,
  findings: Finding[],
): readonly SuiteTest[] {
  const test = tests[index]!;
  const read = suiteCall(defaults, test.call);
  if (read.kind === 'call') {
    const line = yaml.lineOf(['tests', index]);
    const { name, expect } = test;
    return [{ name, line, atMs: test.at ?? at ?? 0, call: read.call, expect }];
  }
  for (const { path, message } of read.violations) {
    const own: FieldPath = ['tests', index, 'call', ...path];
    const common: FieldPath = ['defaults', ...path];
    const place = isWritten(yaml.value, own) || !isWritten(yaml.value, common) ? own : common;
    findings.push({ path: place, at: 'value', message });
  }
  return [];
}

function isWritten(root: unknown, path: FieldPath): boolean {
  const found = path.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | null | undefined)?.[step],
    root,
  );
  return found !== undefined;
}

/** A name is what a failure is found again by. */
function repeatedNames({ tests }: SuiteDocument, yaml: YamlFile): readonly Finding[] {
  const first = new Map<string, number>();
  return tests.flatMap(({ name }, index): readonly Finding[] => {
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, index);
      return [];
    }
    const line = yaml.lineOf(['tests', before, 'name']);
    const message = `the name "${name}" is used twice; first on line ${line}`;
    return [{ path: ['tests', index, 'name'], at: 'value', message }];
  });
}
