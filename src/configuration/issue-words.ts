import type { z } from 'zod';
import type { FieldPath } from './problem.ts';
import { expectation } from './scalar.ts';
import { didYouMean } from './suggest.ts';
import { wordsOf } from './fields.ts';

type Issue = z.core.$ZodIssue;

/** A problem that has not been placed in a file yet. */
export interface Finding {
  readonly path: FieldPath;
  /** Whether it is the key or the value that is wrong. */
  readonly at: 'key' | 'value';
  readonly message: string;
}

/**
 * Says what zod found in our words: what is wrong, what was expected, and what was probably meant.
 * @param valueAt the value that was read at a path.
 * @param keysAt the keys that a mapping at a path may have.
 */
export function findingsOf(
  issue: Issue,
  valueAt: (path: FieldPath) => unknown,
  keysAt: (path: FieldPath) => readonly string[],
): readonly Finding[] {
  const path = issue.path as FieldPath;
  const at = (message: string): readonly Finding[] => [{ path, at: 'value', message }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        at: 'key',
        message: unknownKey(key, keysAt(path)),
      }));
    case 'invalid_type':
      return at(expectation(wordsOfType(issue.expected), valueAt(path)));
    case 'too_small':
      return at(`expected at least ${issue.minimum} of them`);
    case 'too_big':
      return at(`expected at most ${issue.maximum} of them`);
    case 'invalid_union':
      if (issue.errors.length > 0) {
        return nearestOf(issue.errors).flatMap((inner) =>
          findingsOf({ ...inner, path: [...issue.path, ...inner.path] }, valueAt, keysAt),
        );
      }
      return at(choiceOf(issue, valueAt(path)));
    case 'invalid_key': {
      const message = `this cannot be a key: ${issue.issues[0]?.message ?? 'not expected'}`;
      return [{ path, at: 'key', message }];
    }
    default:
      return at(issue.message);
  }
}

/**
 * Names that other systems use for our keys, so that the answer is not the nearest word but the
 * right one.
 */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  policy_id: 'id',
  agent_id: 'id',
  tenant_id: 'id',
  platform: 'provider',
  action: 'effect',
  timezone: 'time_zone',
  fail_open: 'on_outage',
  max_monthly_cost: 'monthly_budget_usd',
  max_daily_cost: 'daily_budget_usd',
  monthly_execution_limit: 'invocations',
  warning_threshold: 'warn_at',
  degradation_threshold: 'degrade_at',
  enforcement_mode: 'mode',
  organizations: 'tenants',
  window: 'windows',
};

function unknownKey(key: string, known: readonly string[]): string {
  if (key === '<<')
    return 'unknown key "<<": YAML 1.2 has no merge keys; use an alias for a whole value';
  const other = Object.hasOwn(OTHER_NAMES, key) ? OTHER_NAMES[key] : undefined;
  if (other !== undefined && known.includes(other)) {
    return `unknown key "${key}"; here it is called "${other}"`;
  }
  const suggestion = didYouMean(key, known);
  return `unknown key "${key}"${suggestion || `; expected one of ${wordsOf(known)}`}`;
}

function wordsOfType(expected: string): string {
  if (expected === 'array') return 'a list';
  return expected === 'object' || expected === 'record' ? 'a mapping' : expected;
}

/** A key that has no place in a shape says more against it than one that is not written. */
const UNKNOWN_KEY = 2;

/** Of several shapes that a value could have, what keeps it from the one that it is nearest to. */
function nearestOf(shapes: readonly (readonly Issue[])[]): readonly Issue[] {
  const distance = (issues: readonly Issue[]): number =>
    issues.reduce(
      (sum, one) => sum + (one.code === 'unrecognized_keys' ? UNKNOWN_KEY * one.keys.length : 1),
      0,
    );
  return shapes.toSorted((a, b) => distance(a) - distance(b))[0] ?? [];
}

function choiceOf(issue: Issue & { code: 'invalid_union' }, found: unknown): string {
  const options = 'options' in issue ? (issue.options as readonly unknown[]).map(String) : [];
  const near = typeof found === 'string' ? didYouMean(found, options) : '';
  return expectation(wordsOf(options), found) + near;
}
