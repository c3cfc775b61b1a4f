import { describe, expect, it } from 'vitest';

import { NO_FACTS, type PolicyFacts } from '../facts.ts';
import type { Truth } from '../verdict.ts';
import { compileCondition } from './compile.ts';
import type { PlainDefinition } from './definition.ts';

/** Attributes that hold, do not, and are missing. */
const facts: PolicyFacts = { ...NO_FACTS, attributes: { true: 'x', false: 'y' } };
const are = (name: Truth): PlainDefinition => ({ type: 'attribute', name, equals: ['x'] });

const any = (...names: readonly Truth[]) =>
  compileCondition({ type: 'any', conditions: names.map(are) });

describe('R42 any of several conditions', () => {
  it.each<[Truth, Truth, Truth]>([
    ['true', 'true', 'true'],
    ['true', 'false', 'true'],
    ['true', 'unknown', 'true'],
    ['false', 'true', 'true'],
    ['false', 'false', 'false'],
    ['false', 'unknown', 'unknown'],
    ['unknown', 'true', 'true'],
    ['unknown', 'false', 'unknown'],
    ['unknown', 'unknown', 'unknown'],
  ])('%s or %s is %s', (one, other, expected) => {
    expect(any(one, other).evaluate(facts)).toBe(expected);
    const conditions = [are(one), are(other)];
    const turned = compileCondition({ type: 'any', negate: true, conditions });
    expect(turned.evaluate(facts)).toBe(
      { true: 'false', false: 'true', unknown: 'unknown' }[expected],
    );
  });

  it('one alone is itself', () => {
    for (const truth of ['true', 'false', 'unknown'] as const) {
      expect(any(truth).evaluate(facts)).toBe(truth);
    }
  });

  it('each may be turned round by itself', () => {
    const conditions = [{ ...are('false'), negate: true }, are('false')];
    expect(compileCondition({ type: 'any', conditions }).evaluate(facts)).toBe('true');
  });

  it('R49 is told in words, and names only what is missing', () => {
    const condition = any('true', 'unknown', 'false');
    expect(condition.words).toBe(
      'any of (attribute true is x; attribute unknown is x; attribute false is x)',
    );
    expect(condition.saw(facts)).toBe('x; ; y');
    expect(condition.missing?.(facts)).toBe('attributes.unknown');
  });
});
