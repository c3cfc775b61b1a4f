import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { projectRoot, ScratchProject } from './scratch-project.ts';

interface Outcome {
  readonly line: string;
  readonly exitCode: number | null;
}

function closing(results: object | undefined, runnerExitCode: number, whole = '--whole'): Outcome {
  using project = new ScratchProject({
    'results.json': results === undefined ? '' : JSON.stringify(results),
  });
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      join(projectRoot, 'scripts/closing-line.ts'),
      join(project.root, 'results.json'),
      String(runnerExitCode),
      whole,
    ],
    { encoding: 'utf8' },
  );
  return { line: stdout, exitCode: status };
}

function file(status: 'passed' | 'failed', ...tests: string[]): object {
  return { status, assertionResults: tests.map((each) => ({ status: each })) };
}

function run(passed: number, ...testResults: object[]): object {
  return { numPassedTests: passed, testResults };
}

test('a run in which everything passed ends with its count and exit code 0', () => {
  const results = run(2, file('passed', 'passed'), file('passed', 'passed'));
  expect(closing(results, 0)).toEqual({ line: '2 passed, 0 failed\n', exitCode: 0 });
});

test('a failed test is counted', () => {
  const results = run(1, file('failed', 'passed', 'failed'));
  expect(closing(results, 1)).toEqual({ line: '1 passed, 1 failed\n', exitCode: 1 });
});

test('a file that could not be loaded is a failure, although none of its tests failed', () => {
  const results = run(1, file('passed', 'passed'), file('failed'));
  expect(closing(results, 1)).toEqual({ line: '1 passed, 1 failed\n', exitCode: 1 });
});

test('a test left out of a whole run is a failure, left out by a filter it is not', () => {
  const results = run(1, file('passed', 'passed', 'skipped', 'todo'));
  expect(closing(results, 0)).toEqual({ line: '1 passed, 2 failed\n', exitCode: 1 });
  expect(closing(results, 0, '')).toEqual({ line: '1 passed, 0 failed\n', exitCode: 0 });
});

test('a runner that fails for a reason of its own, or finds nothing to run, fails', () => {
  expect(closing(run(1, file('passed', 'passed')), 1).line).toBe('1 passed, 1 failed\n');
  expect(closing(undefined, 1)).toEqual({ line: '0 passed, 1 failed\n', exitCode: 1 });
  expect(closing(run(0), 0).exitCode).toBe(1);
});
