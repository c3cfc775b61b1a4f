import { documentSchema, type ConfigurationDocument } from './document.ts';
import { MAX_FILE_BYTES, MAX_PROBLEMS, MAX_RULES_PER_CALL } from './bounds.ts';
import { crowds } from './crowding.ts';
import type { Finding } from './issue-words.ts';
import { inFileOrder, type Problem } from './problem.ts';
import { referenceFindings } from './references.ts';
import { schemaFindings } from './schema-findings.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

export type Parsed =
  | { readonly kind: 'parsed'; readonly document: ConfigurationDocument; readonly yaml: YamlFile }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/**
 * Reads a configuration file's text. A refusal lists every problem, in the order of the file.
 * @param file how problems name the file.
 */
export function parseConfiguration(text: string, file: string): Parsed {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return refused([tooLarge(file)]);
  const yaml = readYaml(text, file);
  if (yaml.value === undefined) return refused(yaml.problems);

  const result = documentSchema.safeParse(yaml.value);
  const findings: readonly Finding[] = [
    ...(result.success
      ? crowdFindings(result.data)
      : schemaFindings(documentSchema, result.error.issues, yaml.value)),
    ...referenceFindings(yaml.value, yaml.lineOf),
  ];
  const found = findings
    .slice(0, MAX_PROBLEMS)
    .map(({ path, at, message }) => yaml.problemAt(path, at, message));
  // What could not be read stands for nothing, and that it is nothing is not worth a second line.
  const unread = new Set(yaml.problems.map(({ field }) => field));
  const problems = [...yaml.problems, ...found.filter(({ field }) => !unread.has(field))];
  if (!result.success || problems.length > 0) return refused(problems);
  return { kind: 'parsed', document: result.data, yaml };
}

function refused(problems: readonly Problem[]): Parsed {
  return { kind: 'refused', problems: inFileOrder(problems) };
}

function tooLarge(file: string): Problem {
  const message = `the file is larger than ${MAX_FILE_BYTES} bytes`;
  return { file, line: 1, column: 1, field: '', message };
}

function crowdFindings(document: ConfigurationDocument): readonly Finding[] {
  return (['limits', 'budgets'] as const).flatMap((section): readonly Finding[] => {
    // What `defaults` makes counts too, whether or not it is in force: the environment decides
    // that.
    const made = section === 'limits' ? 1 : 2;
    const all = [...document[section], ...Array.from({ length: made }, () => ({ match: {} }))];
    if (!crowds(all)) return [];
    const message = `one call could meet more than ${MAX_RULES_PER_CALL} ${section}; narrow them with \`match\``;
    return [{ path: [section], at: 'key', message }];
  });
}
