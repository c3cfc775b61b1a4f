/**
 * Prints how a test run ended as its last line, `N passed, N failed`, and exits accordingly.
 *
 *   node scripts/closing-line.ts RESULTS_JSON RUNNER_EXIT_CODE [--whole]
 *
 * Besides failing tests it counts as failed: a file or a group that could not be loaded or set up,
 * a test that was not run in a whole run (a guarantee that was not looked at is not known to hold),
 * and a runner that failed in any other way.
 */
import { readFileSync } from 'node:fs';

interface TestResults {
  readonly numPassedTests: number;
  readonly testResults: readonly TestFile[];
}

interface TestFile {
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

/** @returns undefined when the runner died before it wrote its results. */
function readResults(path: string): TestResults | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as TestResults;
  } catch {
    return undefined;
  }
}

function countFailed(file: TestFile, whole: boolean): number {
  const statuses = file.assertionResults.map((test) => test.status);
  const failed = statuses.filter((status) => status === 'failed').length;
  const notRun = statuses.filter((status) => status !== 'failed' && status !== 'passed').length;
  const counted = whole ? failed + notRun : failed;
  return file.status === 'failed' ? Math.max(counted, 1) : counted;
}

const [resultsPath = '', runnerExitCode = '1', whole] = process.argv.slice(2);
const results = readResults(resultsPath);
const passed = results?.numPassedTests ?? 0;
const inFiles = (results?.testResults ?? []).reduce(
  (sum, file) => sum + countFailed(file, whole === '--whole'),
  0,
);
const failed = runnerExitCode === '0' ? inFiles : Math.max(inFiles, 1);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
