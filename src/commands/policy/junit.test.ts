import { describe, expect, it } from 'vitest';
import { wellFormed } from '../../../test/commands/well-formed.ts';
import { escaped, junitXml } from './junit.ts';
import type { TestReport } from './test-report.ts';

describe('JUnit XML', () => {
  it.each([
    ['<a href="x">it\'s & more</a>', '&lt;a href=&quot;x&quot;&gt;it&apos;s &amp; more&lt;/a&gt;'],
    ['\u0000\u001B[31mred\u000B', '\uFFFD\uFFFD[31mred\uFFFD'],
    ['\uD800 alone, \u{1F600} whole', '\uFFFD alone, \u{1F600} whole'],
    ['\uFFFE\uFFFF', '\uFFFD\uFFFD'],
    ['one\n\ttwo', 'one\n\ttwo'],
    [']]>', ']]&gt;'],
  ])('R49 writes %j so that every reader takes it', (text, expected) => {
    expect(escaped(text)).toBe(expected);
    expect(wellFormed(`<?xml version="1.0" encoding="UTF-8"?><a b="${escaped(text)}"/>`)).toBe(
      true,
    );
  });

  it('R49 is well-formed without any test', () => {
    const report: TestReport = {
      suites: [],
      coverage: [],
      totals: { policiesPercent: 100, conditionsPercent: 100 },
      tests: 0,
      failed: 0,
    };
    expect(wellFormed(junitXml(report))).toBe(true);
  });

  it.each(['<a>', '<a></b>', '<a/><b/>', '<a b="<"/>', '<a>&</a>', '<a b="x" c/>', 'x<a/>'])(
    'R49 the check itself refuses %s',
    (xml) => {
      expect(wellFormed(`<?xml version="1.0" encoding="UTF-8"?>${xml}`)).toBe(false);
    },
  );
});
