import { combine, type Answered } from './combine.ts';
import { compileCondition } from './conditions/compile.ts';
import type { PolicyFacts } from './facts.ts';
import type { Policy, PolicyDefinition } from './policy.ts';
import { allOf } from './truth.ts';
import type { Combining, ConditionTrace, PolicyTrace, PolicyVerdict } from './verdict.ts';

/**
 * All policies of one configuration revision, ready to be applied. Evaluation is pure and in memory
 * (R48).
 */
export interface PolicySet {
  readonly combining: Combining;
  /** Policies in force for a tenant, in evaluation order. */
  inForce(tenant: string): readonly Policy[];
  /** @param trace whether to list every policy that was considered, with its conditions. */
  evaluate(facts: PolicyFacts, trace: boolean): PolicyVerdict;
}

export function compilePolicies(
  definitions: readonly PolicyDefinition[],
  combining: Combining,
): PolicySet {
  const enabled = definitions.filter((definition) => definition.enabled).sort(evaluationOrder);
  const compiled = enabled.map((definition) => ({ definition, policy: compilePolicy(definition) }));
  const named = new Set(enabled.flatMap((definition) => definition.tenants ?? []));
  const policiesOf = (tenant: string): readonly Policy[] =>
    compiled
      .filter(({ definition }) => definition.tenants?.includes(tenant) ?? true)
      .map(({ policy }) => policy);
  const byTenant = new Map([...named].map((tenant) => [tenant, policiesOf(tenant)]));
  const forAll = compiled
    .filter(({ definition }) => definition.tenants === undefined)
    .map(({ policy }) => policy);
  const inForce = (tenant: string): readonly Policy[] => byTenant.get(tenant) ?? forAll;
  return {
    combining,
    inForce,
    evaluate: (facts, trace) => evaluate(inForce(facts.tenant), combining, facts, trace),
  };
}

/** Lower priority number first; ties: deny first, then id. */
function evaluationOrder(a: PolicyDefinition, b: PolicyDefinition): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.effect !== b.effect) return a.effect === 'deny' ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

function compilePolicy(definition: PolicyDefinition): Policy {
  const { id, name, effect, priority, obligations } = definition;
  const conditions = definition.conditions.map(compileCondition);
  return { id, name, effect, priority, obligations, conditions };
}

function evaluate(
  policies: readonly Policy[],
  combining: Combining,
  facts: PolicyFacts,
  trace: boolean,
): PolicyVerdict {
  const answers = policies.map((policy) => ({
    policy,
    applies: allOf(policy.conditions, (condition) => condition.evaluate(facts)),
  }));
  const { effect, deciding } = combine(combining, answers);
  const traceOf = (answer: Answered): PolicyTrace => ({
    policyId: answer.policy.id,
    effect: answer.policy.effect,
    applies: answer.applies,
    decided: deciding.includes(answer),
    conditions: trace || answer.applies === 'unknown' ? traceConditions(answer.policy, facts) : [],
  });
  return {
    effect,
    combining,
    deciding: deciding.map(traceOf),
    considered: trace ? answers.map(traceOf) : [],
    obligations: effect === 'allow' ? obligationsOf(deciding) : [],
  };
}

function obligationsOf(deciding: readonly Answered[]): PolicyVerdict['obligations'] {
  return deciding.flatMap(({ policy }) =>
    policy.obligations.map((obligation) => ({ ...obligation, source: policy.id })),
  );
}

function traceConditions(policy: Policy, facts: PolicyFacts): readonly ConditionTrace[] {
  return policy.conditions.map((condition) => {
    const truth = condition.evaluate(facts);
    const seen = { condition: condition.words, saw: condition.saw(facts), truth };
    return truth === 'unknown'
      ? { ...seen, missing: condition.missing?.(facts) ?? condition.fact }
      : seen;
  });
}
