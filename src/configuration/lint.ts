import type { Problem } from './problem.ts';
import { readConfiguration } from './reading.ts';

export interface LintReport {
  /** The file cannot be used while there is one of these. */
  readonly problems: readonly Problem[];
  /** Allowed, and probably not meant; looked for only when there are no problems. */
  readonly warnings: readonly Problem[];
}

/**
 * Everything there is to say about a configuration without putting it in force.
 * @param path how problems name the file.
 * @param nowMs decides which exemptions and maintenance windows are over.
 */
export function lintConfiguration(text: string, path: string, nowMs: number): LintReport {
  const reading = readConfiguration({ text, file: path, nowMs });
  return reading.kind === 'refused'
    ? { problems: reading.problems, warnings: [] }
    : { problems: [], warnings: reading.warnings };
}
