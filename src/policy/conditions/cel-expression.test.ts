import { describe, expect, it } from 'vitest';

import { cel } from './cel.ts';
import { parseCel } from './cel-expression.ts';

/** Far more than the slowest machine takes to refuse something, far less than to read it. */
const SOON_MS = 1_000;

function problemOf(text: string): string {
  const parsed = parseCel(text);
  return 'problem' in parsed ? parsed.problem : '';
}

describe('R46 an expression is checked when it is loaded', () => {
  it.each([
    ['tenant == 1', 'no such overload: string == int'],
    ['user + 1 == "a"', 'no such overload: string + int'],
    ['roles == "admin"', 'no such overload: list<string> == string'],
    ['input_tokens > "5"', 'no such overload: int > string'],
    ['tenent == "acme"', 'Unknown variable: tenent'],
    ['user.startWith("a")', "found no matching overload for 'string.startWith(string)'"],
    ['user', 'is a string, not a bool'],
    ['input_tokens + 1', 'is a int, not a bool'],
    ['roles', 'is a list<string>, not a bool'],
    ['attributes.flag', 'is a dyn, not a bool'],
    ['attributes.flag ? true : attributes.other', 'is a dyn, not a bool'],
    [
      'user == "a" ? true : "x"',
      "Ternary branches must have the same type, got 'bool' and 'string'",
    ],
    ['', 'Unexpected token: EOF'],
    ['user ==', 'Unexpected token: EOF'],
    ['user == "a', 'Unterminated string'],
  ])('%s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
    expect(() => cel(text)).toThrow(RangeError);
  });

  it.each([
    ['user.matches("^(a+)+$")', /^uses matches/],
    ['roles.exists(r, r.matches("a"))', /^uses matches/],
    ['matches(user, "a")', /no matching overload/],
    ['roles.exists(r, roles.exists(s, s == r))', /^has exists inside another loop over a list$/],
    ['roles.all(r, data_classification.all(t, t != r))', /^has all inside another loop/],
    ['roles.map(r, r + "x").exists(r, r == "ax")', /^has map inside another loop/],
    ['[roles].exists(l, l.filter(r, r == "a").size() > 0)', /^has filter inside another loop/],
    ['cel.bind(a, roles + roles, (a + a).size() > 0)', /^uses bind/],
  ])('what could take long is refused: %s', (text, problem) => {
    expect(problemOf(text)).toMatch(problem);
  });

  it('loops beside one another are not inside one another', () => {
    expect(problemOf('roles.exists(r, r == "a") && roles.all(r, r != "b")')).toBe('');
  });

  it('names the variables that it uses, each once, in the order in which they come', () => {
    const parsed = parseCel('team == "a" || user in roles || team == "b" || attributes.user == 1');
    expect('ok' in parsed && parsed.ok.variables).toEqual(['team', 'user', 'roles', 'attributes']);
  });
});

describe('R46 an expression that is an attack is refused soon', () => {
  it.each([
    ['10 MB of a name', 'a'.repeat(10 << 20), 'is longer than 2000 characters'],
    ['10 MB of conditions', `${'true||'.repeat(1_747_626)}true`, 'is longer than 2000 characters'],
    ['10 MB of brackets', '('.repeat(10 << 20), 'is longer than 2000 characters'],
    ['one character more', `"${'a'.repeat(1993)}"==user`, 'is longer than 2000 characters'],
    ['1,000 brackets', '('.repeat(1000), 'Exceeded maxDepth (32)'],
    ['990 closed brackets', `${'('.repeat(990)}true${')'.repeat(990)}`, 'Exceeded maxDepth (32)'],
    ['1,000 lists', '['.repeat(1000), 'Exceeded maxDepth (32)'],
    ['1,000 negations', `${'!'.repeat(1000)}true`, 'Exceeded maxAstNodes (256)'],
    ['1,000 signs', `${'-'.repeat(1000)}1 == 1`, 'Exceeded maxAstNodes (256)'],
    ['400 choices', `${'true?'.repeat(200)}true${':true'.repeat(199)}`, 'Exceeded maxDepth (32)'],
    ['900 fields', `attributes${'.a'.repeat(900)} == 1`, 'Exceeded maxDepth (32)'],
    ['300 conditions', `true${'&&true'.repeat(300)}`, 'Exceeded maxAstNodes (256)'],
  ])('%s', (_what, text, problem) => {
    const startedMs = performance.now();
    expect(problemOf(text)).toBe(problem);
    expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
  });

  it('one that is as long as allowed is read', () => {
    const text = `user == "${'a'.repeat(1990)}"`;
    expect(text).toHaveLength(2000);
    expect(problemOf(text)).toBe('');
  });
});
