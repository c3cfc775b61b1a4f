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
 * is made beforehand, for both answers that leave it in the race.
 */
export interface Staged {
  readonly ofKind: readonly Condition[];
  readonly true: Candidate;
  readonly unknown: Candidate;
}

const OF_KIND = new Set(['agent', 'provider', 'environment']);

/** @param policy with its conditions in the order of the definition. */
export function stage({ conditions }: PolicyDefinition, policy: Policy): Staged {
  const isOfKind = (place: number): boolean => OF_KIND.has(conditions[place]?.type ?? '');
  const ofKind = policy.conditions.filter((_, place) => isOfKind(place));
  const rest = policy.conditions.filter((_, place) => !isOfKind(place));
  return {
    ofKind,
    true: { policy, base: 'true', conditions: rest },
    unknown: { policy, base: 'unknown', conditions: rest },
  };
}
