import { describe, expect, it } from 'vitest';

import type { Admission } from '../decision/admission.ts';
import { runPolicyStage } from '../decision/policy-stage.ts';
import { NO_FACTS } from './facts.ts';
import type { PolicyDefinition } from './policy.ts';
import { compilePolicies, type PolicySet } from './policy-set.ts';
import type { Combining, Truth } from './verdict.ts';

/** Attributes that hold, do not, and are missing. */
const facts = { ...NO_FACTS, attributes: { holds: 'x', not: 'y' } };
const ATTRIBUTES = { T: 'holds', F: 'not', U: 'missing' } as const;
const TRUTHS: Readonly<Record<string, Truth>> = { T: 'true', F: 'false', U: 'unknown' };

/**
 * What two policies say together, written out by hand from the definitions in docs and nowhere
 * computed. The first is "a", of priority 1, the second "b", of priority 2; "+T" allows and its
 * conditions hold, "-U" denies and its conditions cannot be told. What is expected is the effect
 * and who decides, in order, "b?" because it cannot be told; "deny" alone is a match of nothing.
 *
 *   - DENY_OVERRIDES: any deny that holds or cannot be told denies; else any allow that holds.
 *   - ALLOW_OVERRIDES: any allow that holds allows; else any deny that holds or cannot be told.
 *   - FIRST_APPLICABLE: the first that holds, or denies and cannot be told, decides alone.
 */
const TABLE = `
  a   b   | DENY_OVERRIDES  | ALLOW_OVERRIDES | FIRST_APPLICABLE
  +T  +T  | allow a b       | allow a b       | allow a
  +T  +F  | allow a         | allow a         | allow a
  +T  +U  | allow a         | allow a         | allow a
  +F  +T  | allow b         | allow b         | allow b
  +F  +F  | deny            | deny            | deny
  +F  +U  | deny            | deny            | deny
  +U  +T  | allow b         | allow b         | allow b
  +U  +F  | deny            | deny            | deny
  +U  +U  | deny            | deny            | deny
  +T  -T  | deny b          | allow a         | allow a
  +T  -F  | allow a         | allow a         | allow a
  +T  -U  | deny b?         | allow a         | allow a
  +F  -T  | deny b          | deny b          | deny b
  +F  -F  | deny            | deny            | deny
  +F  -U  | deny b?         | deny b?         | deny b?
  +U  -T  | deny b          | deny b          | deny b
  +U  -F  | deny            | deny            | deny
  +U  -U  | deny b?         | deny b?         | deny b?
  -T  +T  | deny a          | allow b         | deny a
  -T  +F  | deny a          | deny a          | deny a
  -T  +U  | deny a          | deny a          | deny a
  -F  +T  | allow b         | allow b         | allow b
  -F  +F  | deny            | deny            | deny
  -F  +U  | deny            | deny            | deny
  -U  +T  | deny a?         | allow b         | deny a?
  -U  +F  | deny a?         | deny a?         | deny a?
  -U  +U  | deny a?         | deny a?         | deny a?
  -T  -T  | deny a b        | deny a b        | deny a
  -T  -F  | deny a          | deny a          | deny a
  -T  -U  | deny a b?       | deny a b?       | deny a
  -F  -T  | deny b          | deny b          | deny b
  -F  -F  | deny            | deny            | deny
  -F  -U  | deny b?         | deny b?         | deny b?
  -U  -T  | deny a? b       | deny a? b       | deny a?
  -U  -F  | deny a?         | deny a?         | deny a?
  -U  -U  | deny a? b?      | deny a? b?      | deny a?
`;

interface Row {
  readonly a: string;
  readonly b: string;
  readonly combining: Combining;
  readonly expected: string;
}

const [head = [], ...lines] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));
const ROWS: readonly Row[] = lines.flatMap(([policies = '', ...answers]) => {
  const [a = '', b = ''] = policies.split(/\s+/);
  return answers.map((expected, column) => {
    return { a, b, combining: head[column + 1] as Combining, expected };
  });
});

/** @param written such as "-U" */
function policyOf(id: 'a' | 'b', written: string): PolicyDefinition {
  const name = ATTRIBUTES[written[1] as keyof typeof ATTRIBUTES];
  return {
    id,
    name: id,
    effect: written.startsWith('+') ? 'allow' : 'deny',
    priority: id === 'a' ? 1 : 2,
    enabled: true,
    tenants: undefined,
    conditions: [{ type: 'attribute', name, equals: ['x'] }],
    obligations: [{ name: `from-${id}`, parameters: {} }],
  };
}

/** What a caller is told of a verdict. */
function reasonsOf(policies: PolicySet): readonly string[] {
  const agent = { id: 'a', name: 'a', provider: 'other', version: '', model: '', enabled: true };
  const amounts = { costMicroUsd: 0n, inputTokens: 0n, outputTokens: 0n };
  const command = { call: facts, explain: false };
  const admission = { agent, amounts, command, nowMs: 0, snapshot: { policies } };
  const { reasons } = runPolicyStage(admission as unknown as Admission);
  return reasons.map(({ code, rule = '' }) => `${code} ${rule}`.trim());
}

/** @param decider such as "b?" */
function reasonOf(effect: string, decider: string): string {
  const [id = '', unknown] = decider.split(/(?=[?])/);
  if (effect === 'allow') return `policy.allowed ${id}`;
  return `${unknown ? 'policy.unevaluable' : 'policy.denied'} ${id}`;
}

describe('R37 R41 R43 R45 X7 two policies and how they are combined', () => {
  it('are in the table whole: 3 truths and 2 effects each, combined in 3 ways', () => {
    expect(new Set(ROWS.map((row) => `${row.a} ${row.b} ${row.combining}`)).size).toBe(6 * 6 * 3);
  });

  it.each(ROWS)('$a and $b by $combining: $expected', ({ a, b, combining, expected }) => {
    const [effect = '', ...deciders] = expected.split(' ');
    const deciding = deciders.map((decider) => ({
      policyId: decider.replace('?', ''),
      applies: decider.endsWith('?') ? 'unknown' : 'true',
      effect,
      decided: true,
    }));
    const ids = deciding.map(({ policyId }) => policyId);
    const policies = [policyOf('a', a), policyOf('b', b)];
    // The order in which they are written does not matter, nor whether a trace is asked for.
    for (const definitions of [policies, policies.toReversed()]) {
      const set = compilePolicies(definitions, combining);
      for (const trace of ['none', 'likely', 'all'] as const) {
        const verdict = set.evaluate(facts, trace);
        expect(verdict).toMatchObject({ effect, combining, deciding });
        const asked = verdict.obligations.map(({ name, source }) => `${name} of ${source}`);
        expect(asked).toEqual(effect === 'allow' ? ids.map((id) => `from-${id} of ${id}`) : []);
      }
      expect(reasonsOf(set)).toEqual(
        deciders.length === 0
          ? ['policy.no_match']
          : deciders.map((decider) => reasonOf(effect, decider)),
      );
      const { considered } = set.evaluate(facts, 'all');
      const told = considered.map(({ policyId, applies, decided }) => [policyId, applies, decided]);
      expect(told).toEqual([
        ['a', TRUTHS[a[1] ?? ''], ids.includes('a')],
        ['b', TRUTHS[b[1] ?? ''], ids.includes('b')],
      ]);
    }
  });
});
