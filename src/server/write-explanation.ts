import type { Explanation } from '../decision/decision.ts';
import * as wire from '../gen/tollgate/v1/verdict.ts';
import type { PolicyTrace, Truth } from '../policy/verdict.ts';

export const EFFECT = {
  allow: wire.Effect.ALLOW,
  deny: wire.Effect.DENY,
} as const;

const TRUTH: Readonly<Record<Truth, wire.Truth>> = {
  true: wire.Truth.TRUE,
  false: wire.Truth.FALSE,
  unknown: wire.Truth.UNKNOWN,
};

export function explanationOf({ policy, limits, budgets }: Explanation): wire.Explanation {
  return {
    combining: policy.combining,
    policies: policy.considered.map(policyExplanationOf),
    limits: [...limits],
    budgets: [...budgets],
  };
}

function policyExplanationOf(trace: PolicyTrace): wire.PolicyExplanation {
  return {
    policy: trace.policyId,
    effect: EFFECT[trace.effect],
    applies: TRUTH[trace.applies],
    decided: trace.decided,
    conditions: trace.conditions.map(({ condition, saw, truth }) => ({
      condition,
      saw,
      truth: TRUTH[truth],
    })),
  };
}
