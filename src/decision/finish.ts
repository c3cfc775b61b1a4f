import type { AccountReading } from '../budgets/account.ts';
import type { Amounts } from '../budgets/amounts.ts';
import {
  accountStatuses,
  degradationObligations,
  isDegraded,
  overrunReasons,
  shortageReasons,
  thresholdReasons,
} from './account-reasons.ts';
import type { Decision, Grant } from './decision.ts';
import { denial } from './denial.ts';
import type { HoldOutcome, Reservation } from './ports.ts';
import type { Reason } from './reasons.ts';

type Held = HoldOutcome & { readonly kind: 'held' };
type Refused = HoldOutcome & { readonly kind: 'denied' };

/**
 * Completes a decision with what the ledger did. Pure, and the only place where that is done: the
 * answer, its repeat from the ledger's memory and the record read back years later are the same
 * decision.
 */
export function finishHold(draft: Decision, outcome: Held | Refused): Decision {
  return outcome.kind === 'held' ? allowed(draft, outcome) : refused(draft, outcome);
}

function allowed(draft: Decision, { reservation, accounts, record }: Held): Decision {
  const warned = withAccounts(draft, accounts);
  const partial = partialReason(record.facts.estimated, reservation);
  return {
    ...warned,
    reasons: partial ? [...warned.reasons, partial] : warned.reasons,
    grant: grantOf(reservation, accounts),
  };
}

function refused(draft: Decision, outcome: Refused): Decision {
  const reasons = refusalReasons(draft, outcome);
  return { ...denial(draft, reasons), accounts: accountStatuses(outcome.accounts) };
}

/** Adds the accounts as they stand after the call, with the warnings that they give. */
export function withAccounts(draft: Decision, accounts: readonly AccountReading[]): Decision {
  return {
    ...draft,
    reasons: [...draft.reasons, ...accounts.flatMap(accountAdvice)],
    accounts: accountStatuses(accounts),
    obligations: [...draft.obligations, ...degradationObligations(accounts)],
    degraded: accounts.some(isDegraded),
  };
}

function accountAdvice(account: AccountReading): readonly Reason[] {
  return [...overrunReasons(account), ...thresholdReasons(account)];
}

function refusalReasons(draft: Decision, { cause, accounts, amounts }: Refused): readonly Reason[] {
  if (cause === 'token_used') {
    const message = 'The authorization token was already used for another reservation.';
    return [{ code: 'token.used', message }];
  }
  return accounts.flatMap((account) => shortageReasons(account, amounts, draft.decidedAtMs));
}

function partialReason(estimated: Amounts, { held }: Reservation): Reason | undefined {
  const whole =
    held.costMicroUsd >= estimated.costMicroUsd &&
    held.inputTokens >= estimated.inputTokens &&
    held.outputTokens >= estimated.outputTokens;
  if (whole) return undefined;
  const message = 'Less than the estimate was left; the grant says what was held.';
  return { code: 'budget.partial', message, requested: estimated.costMicroUsd, unit: 'micro_usd' };
}

/** The hold bounds the call in every metric that some account caps. */
export function grantOf(reservation: Reservation, accounts: readonly AccountReading[]): Grant {
  const caps = (...metrics: (keyof AccountReading['caps'])[]): boolean =>
    accounts.some((account) => metrics.some((metric) => account.caps[metric] !== undefined));
  return {
    maxCostMicroUsd: caps('costMicroUsd') ? reservation.held.costMicroUsd : undefined,
    maxOutputTokens: caps('outputTokens', 'totalTokens')
      ? reservation.held.outputTokens
      : undefined,
    expiresAtMs: reservation.expiresAtMs,
    token: '',
  };
}
