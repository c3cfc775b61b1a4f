import type { Effect } from './decision.ts';
import type { ReasonCode } from './reasons.ts';

/** What decisions are called in reports (R69). Every decision has exactly one. */
export const EVENTS = [
  'external_agent.budget_exceeded',
  'external_agent.rate_limit_exceeded',
  'external_agent.policy_denied',
  'external_agent.policy_evaluated',
] as const;
export type EventName = (typeof EVENTS)[number];

/**
 * Denials that are named by what was exceeded. Where a denial has several of these reasons, the
 * first in this list names it.
 */
const EXCEEDED: readonly (readonly [ReasonCode, EventName])[] = [
  ['budget.exceeded', 'external_agent.budget_exceeded'],
  ['limit.exceeded', 'external_agent.rate_limit_exceeded'],
];

/**
 * Total: an allow is `policy_evaluated`; a denial that no exceeded budget or limit explains is
 * `policy_denied`, because a rule said no: a policy, the register of agents, a token, or what is to
 * happen while a store is away.
 */
export function eventOf(effect: Effect, codes: readonly string[]): EventName {
  if (effect === 'allow') return 'external_agent.policy_evaluated';
  const exceeded = EXCEEDED.find(([code]) => codes.includes(code));
  return exceeded?.[1] ?? 'external_agent.policy_denied';
}

/** What a decision must be like to have a name: `eventOf` the other way round, for queries. */
export interface EventTraits {
  readonly effect: Effect;
  /** A reason that it has. */
  readonly having: ReasonCode | undefined;
  /** Reasons that it does not have. */
  readonly without: readonly ReasonCode[];
}

export function traitsOf(event: EventName): EventTraits {
  if (event === 'external_agent.policy_evaluated') {
    return { effect: 'allow', having: undefined, without: [] };
  }
  const rank = EXCEEDED.findIndex(([, name]) => name === event);
  const before = rank === -1 ? EXCEEDED : EXCEEDED.slice(0, rank);
  return {
    effect: 'deny',
    having: EXCEEDED[rank]?.[0],
    without: before.map(([code]) => code),
  };
}
