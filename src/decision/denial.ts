import type { AccountSpec } from '../budgets/account.ts';
import type { Decision, WindowStatus } from './decision.ts';
import type { Reason } from './reasons.ts';

/** Turns a draft into a denial: what an allow would have taken, permitted and asked for is gone. */
export function denial(draft: Decision, reasons: readonly Reason[]): Decision {
  return {
    ...draft,
    effect: 'deny',
    reasons: [...draft.reasons, ...reasons],
    windows: draft.windows.map(givenBack),
    grant: undefined,
    obligations: [],
    degraded: false,
  };
}

/** A window as it stands once the refund is done. */
function givenBack({ taken, ...window }: WindowStatus): WindowStatus {
  if (taken === undefined) return window;
  const remaining = Math.min(window.limit, window.remaining + taken);
  return {
    ...window,
    remaining,
    resetAfterMs: remaining === window.limit ? 0 : window.resetAfterMs,
  };
}

/**
 * The ledger does not answer: hard budgets deny, and where only soft ones match the call passes
 * uncharged.
 */
export function ledgerOutage(draft: Decision, accounts: readonly AccountSpec[]): Decision {
  const reasons = accounts.length === 0 ? [UNCHARGED] : accounts.map(outageReason);
  if (accounts.some((account) => !account.soft)) return denial(draft, reasons);
  return { ...draft, reasons: [...draft.reasons, ...reasons] };
}

/** No budget matches, so nothing is at stake but the reservation. */
const UNCHARGED: Reason = {
  code: 'ledger.outage_allowed',
  message:
    'The ledger does not answer and no budget matches; the call passes without a reservation.',
};

function outageReason({ budgetId, owner, soft }: AccountSpec): Reason {
  const rule = { ruleKind: 'budget', rule: budgetId, scope: owner } as const;
  if (soft) {
    const message = `Budget ${budgetId} could not be checked for ${owner}; it is soft and lets the call pass uncharged.`;
    return { code: 'ledger.outage_allowed', message, ...rule };
  }
  const message = `Budget ${budgetId} could not be checked for ${owner}; it is hard and denies while that is so.`;
  return { code: 'ledger.unavailable', message, ...rule };
}
