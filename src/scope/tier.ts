import { compileMatch, type Match } from './match.ts';
import type { ScopeFacts } from './scope.ts';

export const DEFAULT_TIER = 'standard';

/** Gives the callers that match a tier by name. */
export interface TierDefinition {
  readonly id: string;
  readonly match: Match;
}

/** Compiles tiers: the first that matches, in the order written, else "standard". */
export function compileTiers(tiers: readonly TierDefinition[]): (facts: ScopeFacts) => string {
  const compiled = tiers.map((tier) => ({ id: tier.id, matches: compileMatch(tier.match) }));
  return (facts) => compiled.find((tier) => tier.matches(facts))?.id ?? DEFAULT_TIER;
}
