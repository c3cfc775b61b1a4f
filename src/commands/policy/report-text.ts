import type { Paint } from '../text/paint.ts';
import { tableLines } from '../text/table.ts';
import { type Coverage, type CoveredCondition, percentOf } from './coverage.ts';
import type { Outcome } from './run-suite.ts';
import { failed, type SuiteReport, type TestReport } from './test-report.ts';

/** A line for each test, more for one that fails, then what was covered. */
export function reportLines(report: TestReport, paint: Paint): string[] {
  return [
    ...report.suites.flatMap((suite) => [...suiteLines(suite, paint), '']),
    paint('bold', 'Coverage'),
    ...coverageLines(report.coverage).map((line) => `  ${line}`.trimEnd()),
    '',
    totalLine(report, paint),
  ];
}

function suiteLines(suite: SuiteReport, paint: Paint): string[] {
  const { file, configuration, combining, outcomes } = suite;
  return [
    `${paint('bold', file)}  ${configuration}, ${combining}`,
    ...outcomes.flatMap((outcome) => [
      `  ${failed(outcome) ? paint('red', 'FAIL') : paint('green', 'ok  ')}  ${outcome.test.name}`,
      ...failureLines(outcome, file).map((line) => `        ${line}`),
    ]),
  ];
}

/** Why a test fails: where it is, what was expected, what came, and how it came about. */
export function failureLines(outcome: Outcome, file: string): string[] {
  const { mismatches, explanation, test } = outcome;
  if (mismatches.length === 0) return [];
  return [
    `${file}:${test.line}, at ${new Date(test.atMs).toISOString()}`,
    ...mismatches.flatMap(({ what, expected, got }) => [
      `expected ${what}  ${expected}`,
      `     got ${what}  ${got}`,
    ]),
    ...explanation,
  ];
}

function coverageLines(coverage: readonly Coverage[]): string[] {
  return [
    ...tableLines(
      [
        { title: 'configuration' },
        { title: 'policies that decided', right: true },
        { title: 'considered', right: true },
        { title: 'conditions true and false', right: true },
      ],
      coverage.map((one) => [
        one.configuration,
        shareText(one.decided, one.policies),
        shareText(one.considered, one.policies),
        shareText(one.both, one.conditions),
      ]),
    ),
    ...coverage.flatMap(gapLines),
  ];
}

function shareText(part: number, whole: number): string {
  const percent = `${percentOf(part, whole)} %`.padStart('100 %'.length);
  return `${part} of ${whole} ${percent}`;
}

function gapLines({ configuration, neverDecided, neverTrue, neverFalse }: Coverage): string[] {
  const named = ({ policy, condition }: CoveredCondition): string => `${policy}: ${condition}`;
  const gaps = [
    ...neverDecided.map((id) => `never decided  ${id}`),
    ...neverTrue.map((one) => `never true     ${named(one)}`),
    ...neverFalse.map((one) => `never false    ${named(one)}`),
  ];
  return gaps.length === 0 ? [] : ['', configuration, ...gaps.map((gap) => `  ${gap}`)];
}

function totalLine({ tests, failed: count, totals }: TestReport, paint: Paint): string {
  const passed = `${tests - count} of ${tests} tests pass`;
  return [
    paint(count === 0 ? 'green' : 'red', passed),
    `; ${totals.policiesPercent} % of policies decided, `,
    `${totals.conditionsPercent} % of conditions were true and false.`,
  ].join('');
}
