import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { PolicyFacts } from '../../src/policy/facts.ts';
import { compilePolicies } from '../../src/policy/policy-set.ts';
import { COMBINING, type PolicyTrace, type PolicyVerdict } from '../../src/policy/verdict.ts';
import { judge, type ModelVerdict } from './policy-model.ts';
import { policies, request } from './policy-pools.ts';
import { assertPrograms, extentOf } from './soak.ts';

/** About fifty requests go to each set: a hundred thousand pairs in all. */
const MOST_REQUESTS = 100;
const EXTENT = extentOf(0.25, 2_000);
/** A trace lists every policy in force, which takes long. */
const TRACED_ONE_IN = 5;

describe('policies against a model that looks at every policy for every request', () => {
  it(
    'R37 R41 R42 R43 R45 random sets and requests agree: effect, deciders, order, obligations',
    { timeout: EXTENT.timeoutMs },
    async () => {
      let pairs = 0;
      const seen = new Map<string, number>();
      await assertPrograms(
        fc.asyncProperty(
          policies,
          fc.constantFrom(...COMBINING),
          fc.array(request, { minLength: 1, maxLength: MOST_REQUESTS, size: 'max' }),
          async (definitions, combining, requests) => {
            const set = compilePolicies(definitions, combining);
            for (const [index, facts] of requests.entries()) {
              const verdict = set.evaluate(facts, 'none');
              const expected = judge(definitions, combining, facts);
              compare(verdict, expected, facts);
              if (index % TRACED_ONE_IN === 0) {
                const traced = set.evaluate(facts, 'all');
                compare(traced, expected, facts);
                expect(traced.considered.map(textOf)).toEqual(expected.considered);
                const likely = set.evaluate(facts, 'likely');
                compare(likely, expected, facts);
                // What is left out is false, and the rest stands in its order.
                const left = new Set(likely.considered.map(textOf));
                expect(expected.considered.filter((one) => left.has(one))).toEqual([...left]);
                const out = expected.considered.filter((one) => !left.has(one));
                expect(out.filter((one) => !one.endsWith(':false'))).toEqual([]);
              }
              const kind = `${expected.effect} ${expected.deciding.length > 0} ${!!expected.shadow}`;
              seen.set(kind, (seen.get(kind) ?? 0) + 1);
              pairs += 1;
            }
          },
        ),
        EXTENT,
      );
      expect(pairs).toBeGreaterThan(EXTENT.numRuns * (MOST_REQUESTS / 2) * 0.9);
      // None of what can happen is rare.
      for (const kind of KINDS) expect(seen.get(kind) ?? 0).toBeGreaterThan(pairs / 100);
    },
  );
});

/** Effect, whether anybody decided, and whether policies in shadow mode would turn it round. */
const KINDS = ['allow true false', 'deny true false', 'deny false false', 'deny true true'];

const textOf = ({ policyId, applies }: PolicyTrace): string => `${policyId}:${applies}`;

function compare(verdict: PolicyVerdict, expected: ModelVerdict, facts: PolicyFacts): void {
  const { effect, deciding, obligations, shadow } = verdict;
  const plain: Omit<ModelVerdict, 'considered'> = {
    effect,
    deciding: deciding.map(textOf),
    obligations: obligations.map(({ name, source }) => `${name} of ${source}`),
    shadow: shadow && { effect: shadow.effect, deciding: shadow.deciding.map(textOf) },
  };
  const { considered: _, ...wanted } = expected;
  // Comparing texts takes a tenth of the time of comparing values; a difference is shown in full.
  if (JSON.stringify(plain) !== JSON.stringify(wanted))
    expect({ facts, ...plain }).toEqual({ facts, ...wanted });
}
