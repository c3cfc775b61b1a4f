import type { PolicyFacts } from './facts.ts';
import type { ConditionDefinition } from './conditions/definition.ts';
import type { Truth } from './verdict.ts';

/** Something that an allow policy asks of the caller. */
export interface PolicyObligation {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A policy as it is configured. */
export interface PolicyDefinition {
  readonly id: string;
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  /** Lower is looked at first: 1–10 security, 11–50 compliance, 51–100 operations. */
  readonly priority: number;
  readonly enabled: boolean;
  /** Tenants it holds for; undefined means all. */
  readonly tenants: readonly string[] | undefined;
  /** All must hold; none means that it always applies. */
  readonly conditions: readonly ConditionDefinition[];
  readonly obligations: readonly PolicyObligation[];
  /** Evaluated and told of, never enforced. */
  readonly shadow?: boolean;
}

/** Lower priority number first; ties: deny first, then id. */
export function evaluationOrder(a: Ranked, b: Ranked): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.effect !== b.effect) return a.effect === 'deny' ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

type Ranked = Pick<PolicyDefinition, 'id' | 'effect' | 'priority'>;

/** A condition ready to be asked. */
export interface Condition {
  /** What it asks, in words. */
  readonly words: string;
  /** Names of the facts it needs. */
  readonly fact: string;
  /** Which of them is missing, or what else keeps it from an answer; absent means `fact`. */
  missing?(facts: PolicyFacts): string;
  evaluate(facts: PolicyFacts): Truth;
  /** The value that it sees, for an explanation; empty when missing. */
  saw(facts: PolicyFacts): string;
}

/** A policy ready to be applied. */
export interface Policy {
  readonly id: string;
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  readonly priority: number;
  readonly conditions: readonly Condition[];
  readonly obligations: readonly PolicyObligation[];
  readonly shadow?: boolean;
}
