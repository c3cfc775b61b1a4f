import {
  Effect,
  type Explanation,
  type PolicyExplanation,
  type RuleExplanation,
  Truth,
} from '../../gen/tollgate/v1/verdict.ts';
import { type Branch, treeLines } from '../text/tree.ts';

/** Every rule that was considered, as a tree. Nothing when the explanation was not asked for. */
export function explanationLines(explanation: Explanation | undefined): string[] {
  if (explanation === undefined) return [];
  const { combining, policies, limits, budgets } = explanation;
  return treeLines(
    [
      { text: `policies, combined by ${combining}`, branches: policies.map(policyBranch) },
      { text: 'limits', branches: limits.map(ruleBranch) },
      { text: 'budgets', branches: budgets.map(ruleBranch) },
    ].filter(({ branches }) => branches.length > 0),
  );
}

const APPLIES: Readonly<Record<Truth, string>> = {
  [Truth.UNSPECIFIED]: 'not evaluated',
  [Truth.TRUE]: 'applies',
  [Truth.FALSE]: 'does not apply',
  [Truth.UNKNOWN]: 'cannot be evaluated',
};

const HOLDS: Readonly<Record<Truth, string>> = {
  [Truth.UNSPECIFIED]: '?',
  [Truth.TRUE]: 'yes',
  [Truth.FALSE]: 'no',
  [Truth.UNKNOWN]: 'unknown',
};

function policyBranch({ policy, effect, applies, decided, conditions }: PolicyExplanation): Branch {
  const word = effect === Effect.ALLOW ? 'allows' : 'denies';
  return {
    text: `${policy}, which ${word}: ${APPLIES[applies]}${decided ? ', and decided' : ''}`,
    branches: conditions.map(({ condition, saw, truth }) => ({
      text: `${HOLDS[truth]}: ${condition}${saw === '' ? '' : ` (saw ${saw})`}`,
    })),
  };
}

function ruleBranch({ rule, scope, status }: RuleExplanation): Branch {
  return { text: `${rule}${scope === '' ? '' : ` for ${scope}`}: ${status}` };
}
