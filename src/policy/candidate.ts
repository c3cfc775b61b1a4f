import type { Condition, Policy, PolicyDefinition } from './policy.ts';

/** A policy as far as it has to be evaluated for one kind of request. */
export interface Candidate {
  readonly policy: Policy;
  /** What the conditions that are left out say together. */
  readonly base: 'true' | 'unknown';
  readonly conditions: readonly Condition[];
}

/**
 * A policy in two stages. Requests of one tenant, agent, provider and environment are a kind, and
 * conditions that ask for nothing else are evaluated once for it. What then remains of the policy
 * is made beforehand for the answer that leaves most of them in the race.
 */
export interface Staged {
  readonly ofKind: readonly Condition[];
  readonly whenTrue: Candidate;
}

const OF_KIND = new Set(['agent', 'provider', 'environment']);
const NONE: readonly Condition[] = [];

/** @param policy with its conditions in the order of the definition. */
export function stage({ conditions }: PolicyDefinition, policy: Policy): Staged {
  const isOfKind = (place: number): boolean => OF_KIND.has(conditions[place]?.type ?? '');
  const rest = policy.conditions.filter((_, place) => !isOfKind(place));
  if (rest.length === policy.conditions.length) {
    return { ofKind: NONE, whenTrue: { policy, base: 'true', conditions: policy.conditions } };
  }
  const ofKind = policy.conditions.filter((_, place) => isOfKind(place));
  return { ofKind, whenTrue: { policy, base: 'true', conditions: rest } };
}
