import { lintConfiguration } from '../../configuration/lint.ts';
import { type Problem, problemText } from '../../configuration/problem.ts';
import { readText } from '../../configuration/read-file.ts';
import { systemClock } from '../../lib/clock.ts';
import { CommandFailed, type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { paintFor } from '../text/paint.ts';

export interface LintOptions {
  readonly json?: true;
}

/** Prints the findings in a file, one on a line. 1 when there is one. */
export async function runLint(
  file: string,
  options: LintOptions,
  streams: Streams,
): Promise<ExitCode> {
  const read = await readText(file);
  if (read.kind === 'unreadable') throw new CommandFailed(`${file}: ${read.problem.message}.`);
  const { problems, warnings } = lintConfiguration(read.text, file, systemClock.nowMs());
  const findings = [...problems.map(as('error')), ...warnings.map(as('warning'))];
  if (options.json) {
    printJson(streams.stdout, { findings });
  } else {
    const paint = paintFor(streams.stdout);
    const lines = findings.map(({ severity, ...problem }) => {
      const word = severity === 'error' ? paint('red', severity) : paint('yellow', severity);
      return `${problemText(problem)} [${word}]`;
    });
    printLines(streams.stdout, lines.length > 0 ? lines : [`${file}: nothing to report.`]);
  }
  return findings.length === 0 ? 0 : 1;
}

type Severity = 'error' | 'warning';

function as(severity: Severity): (problem: Problem) => Problem & { severity: Severity } {
  return (problem) => ({ severity, ...problem });
}
