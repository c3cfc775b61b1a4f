import { describe, expect, it } from 'vitest';

import type { Effect } from './decision.ts';
import { EVENTS, eventOf, traitsOf, type EventName } from './events.ts';
import { REASONS, type ReasonCode } from './reasons.ts';

const CODES = Object.keys(REASONS) as ReasonCode[];
const EFFECTS: readonly Effect[] = ['allow', 'deny'];
/** No reason, each alone, each pair in both orders. */
const COMBINATIONS: readonly (readonly ReasonCode[])[] = [
  [],
  ...CODES.map((code) => [code]),
  ...CODES.flatMap((first) => CODES.map((second) => [first, second])),
];

function has(event: EventName, effect: Effect, codes: readonly ReasonCode[]): boolean {
  const traits = traitsOf(event);
  return (
    traits.effect === effect &&
    (traits.having === undefined || codes.includes(traits.having)) &&
    !traits.without.some((code) => codes.includes(code))
  );
}

describe('event names', () => {
  it('R69 every reason code that denies has its name', () => {
    const named = CODES.filter((code) => REASONS[code].kind === 'denial').map((code) => [
      code,
      eventOf('deny', [code]),
    ]);
    expect(Object.fromEntries(named)).toEqual({
      'agent.unknown': 'external_agent.policy_denied',
      'agent.disabled': 'external_agent.policy_denied',
      'token.invalid': 'external_agent.policy_denied',
      'token.used': 'external_agent.policy_denied',
      'policy.denied': 'external_agent.policy_denied',
      'policy.no_match': 'external_agent.policy_denied',
      'policy.unevaluable': 'external_agent.policy_denied',
      'limit.exceeded': 'external_agent.rate_limit_exceeded',
      'limit.unavailable': 'external_agent.policy_denied',
      'budget.exceeded': 'external_agent.budget_exceeded',
      'ledger.unavailable': 'external_agent.policy_denied',
      'record.unavailable': 'external_agent.policy_denied',
    });
  });

  it('R69 an allow is policy_evaluated, whatever it warns of', () => {
    for (const codes of COMBINATIONS) {
      expect(eventOf('allow', codes)).toBe('external_agent.policy_evaluated');
    }
  });

  it('R69 of several reasons an exceeded budget wins, then an exceeded limit', () => {
    const both: ReasonCode[] = ['policy.denied', 'limit.exceeded', 'budget.exceeded'];
    expect(eventOf('deny', both)).toBe('external_agent.budget_exceeded');
    expect(eventOf('deny', both.slice(0, 2))).toBe('external_agent.rate_limit_exceeded');
  });

  it('R69 a query by name finds what has the name and nothing else', () => {
    for (const effect of EFFECTS) {
      for (const codes of COMBINATIONS) {
        const found = EVENTS.filter((event) => has(event, effect, codes));
        expect(found, `${effect} ${codes.join()}`).toEqual([eventOf(effect, codes)]);
      }
    }
  });
});
