import { writeFile } from 'node:fs/promises';
import { systemClock } from '../../lib/clock.ts';
import { CommandFailed, type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { settingsFor } from '../settings.ts';
import { paintFor } from '../text/paint.ts';
import { CoverageBook, type CoverageTotals, totalsOf } from './coverage.ts';
import { junitXml } from './junit.ts';
import { loadSuites, type Subject } from './load-suites.ts';
import { reportLines } from './report-text.ts';
import { runTest } from './run-suite.ts';
import { failed, reportJson, type SuiteReport, type TestReport } from './test-report.ts';

export interface PolicyTestOptions {
  readonly json?: true;
  readonly junit?: string;
  /** 0 to 100. */
  readonly minCoverage?: number;
}

/** Runs the suites of a directory. 1 when a test fails, or too little is covered. */
export async function runPolicyTest(
  directory: string,
  options: PolicyTestOptions,
  streams: Streams,
): Promise<ExitCode> {
  // What the environment gives where a file is silent is in force in a sidecar too.
  const { environmentDefaults } = settingsFor();
  const nowMs = systemClock.nowMs();
  const report = reportOf(await loadSuites(directory, { environmentDefaults, nowMs }));
  if (options.junit !== undefined) await writeReport(options.junit, junitXml(report));
  if (options.json) printJson(streams.stdout, reportJson(report));
  else printLines(streams.stdout, reportLines(report, paintFor(streams.stdout)));
  const { minCoverage = 0 } = options;
  const short = shortOf(report.totals, minCoverage);
  if (short) streams.stderr.write(`Coverage is below ${minCoverage} %.\n`);
  return report.failed > 0 || short ? 1 : 0;
}

function shortOf({ policiesPercent, conditionsPercent }: CoverageTotals, least: number): boolean {
  return Math.min(policiesPercent, conditionsPercent) < least;
}

function reportOf(subjects: readonly Subject[]): TestReport {
  const suites: SuiteReport[] = [];
  const coverage = subjects.map(({ file, loaded, suites: asking }) => {
    const { snapshot } = loaded;
    const book = new CoverageBook(loaded);
    for (const suite of asking) {
      const outcomes = suite.tests.map((test) =>
        runTest(test, snapshot, (verdict) => book.see(verdict)),
      );
      const { combining } = snapshot.policies;
      suites.push({ file: suite.file, configuration: file, combining, outcomes });
    }
    return book.coverageOf(file);
  });
  const outcomes = suites.flatMap((suite) => suite.outcomes);
  return {
    suites,
    coverage,
    totals: totalsOf(coverage),
    tests: outcomes.length,
    failed: outcomes.filter(failed).length,
  };
}

async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CommandFailed(`--junit: ${file} cannot be written: ${(error as Error).message}`);
  }
}
