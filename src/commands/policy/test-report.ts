import type { Coverage, CoverageTotals } from './coverage.ts';
import type { Outcome } from './run-suite.ts';

/** Everything that one run found out. */
export interface TestReport {
  readonly suites: readonly SuiteReport[];
  readonly coverage: readonly Coverage[];
  readonly totals: CoverageTotals;
  readonly tests: number;
  readonly failed: number;
}

export interface SuiteReport {
  readonly file: string;
  readonly configuration: string;
  readonly combining: string;
  readonly outcomes: readonly Outcome[];
}

export function failed({ mismatches }: Outcome): boolean {
  return mismatches.length > 0;
}

/** The same for scripts: no text in it is made for people alone. */
export function reportJson(report: TestReport): unknown {
  return {
    tests: report.tests,
    failed: report.failed,
    coverage: { ...report.totals, configurations: report.coverage },
    suites: report.suites.map(({ file, configuration, combining, outcomes }) => ({
      file,
      configuration,
      combining,
      tests: outcomes.map((outcome) => ({
        name: outcome.test.name,
        line: outcome.test.line,
        passed: !failed(outcome),
        ...outcome.got,
        mismatches: outcome.mismatches,
      })),
    })),
  };
}
