import { failureLines } from './report-text.ts';
import type { Outcome } from './run-suite.ts';
import { failed, type SuiteReport, type TestReport } from './test-report.ts';

/** The results as JUnit XML, which the servers of continuous integration read. */
export function junitXml({ suites, tests, failed: count }: TestReport): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tollgate policy test" tests="${tests}" failures="${count}" errors="0">`,
    ...suites.flatMap(suiteXml),
    '</testsuites>',
    '',
  ].join('\n');
}

function suiteXml({ file, outcomes }: SuiteReport): string[] {
  const counts = `tests="${outcomes.length}" failures="${outcomes.filter(failed).length}"`;
  return [
    `  <testsuite name="${escaped(file)}" ${counts} errors="0" skipped="0">`,
    ...outcomes.flatMap((outcome) => testXml(outcome, file)),
    '  </testsuite>',
  ];
}

function testXml(outcome: Outcome, file: string): string[] {
  const { name, line } = outcome.test;
  const attributes = `classname="${escaped(file)}" name="${escaped(name)}" line="${line}"`;
  if (!failed(outcome)) return [`    <testcase ${attributes}/>`];
  const message = outcome.mismatches
    .map(({ what, expected, got }) => `expected ${what} ${expected}, got ${got}`)
    .join('; ');
  const text = failureLines(outcome, file).join('\n');
  return [
    `    <testcase ${attributes}>`,
    `      <failure type="decision" message="${escaped(message)}">${escaped(text)}</failure>`,
    '    </testcase>',
  ];
}

/** Characters that XML 1.0 cannot carry in any form. */
const UNWRITABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text as it may stand between tags and between quotes. */
export function escaped(text: string): string {
  return text
    .replace(UNWRITABLE, '\u{FFFD}')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
