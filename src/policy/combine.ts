import { unreachable } from '../lib/assert.ts';
import type { Policy } from './policy.ts';
import type { Combining, Truth } from './verdict.ts';

/** A policy with the answer of its conditions. */
export interface Answered {
  readonly policy: Policy;
  readonly applies: Truth;
}

export interface Combined {
  readonly effect: 'allow' | 'deny';
  /** In evaluation order; empty when nothing matched. */
  readonly deciding: readonly Answered[];
}

const NO_MATCH: Combined = { effect: 'deny', deciding: [] };

/**
 * Combines answers that stand in evaluation order (XACML 3.0, appendix C, with "indeterminate" as
 * `unknown`). A deny policy that cannot be evaluated denies; an allow policy like that never
 * allows; nothing matching denies.
 */
export function combine(combining: Combining, answers: readonly Answered[]): Combined {
  switch (combining) {
    case 'DENY_OVERRIDES':
      return denying(answers) ?? allowing(answers) ?? NO_MATCH;
    case 'ALLOW_OVERRIDES':
      return allowing(answers) ?? denying(answers) ?? NO_MATCH;
    case 'FIRST_APPLICABLE':
      return firstApplicable(answers);
    default:
      return unreachable(combining);
  }
}

function denying(answers: readonly Answered[]): Combined | undefined {
  const deciding = answers.filter(denies);
  return deciding.length > 0 ? { effect: 'deny', deciding } : undefined;
}

function allowing(answers: readonly Answered[]): Combined | undefined {
  const deciding = answers.filter(allows);
  return deciding.length > 0 ? { effect: 'allow', deciding } : undefined;
}

function firstApplicable(answers: readonly Answered[]): Combined {
  const first = answers.find((answer) => denies(answer) || allows(answer));
  return first ? { effect: first.policy.effect, deciding: [first] } : NO_MATCH;
}

function denies({ policy, applies }: Answered): boolean {
  return policy.effect === 'deny' && applies !== 'false';
}

function allows({ policy, applies }: Answered): boolean {
  return policy.effect === 'allow' && applies === 'true';
}
