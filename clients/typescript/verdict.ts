import type { Reservation } from '../../src/gen/tollgate/v1/decision_service.ts';
import { type Decision, Effect, type Obligation } from '../../src/gen/tollgate/v1/verdict.ts';

/** An answer, read so that nothing that is missing or unknown means allow. */
export interface Verdict {
  /**
   * True when the call may be made: the effect is ALLOW and every obligation is one that the caller
   * said it knows. An effect that is missing, unspecified or unknown is a denial.
   */
  readonly allowed: boolean;
  /** What Tollgate said, obligations aside. */
  readonly effect: 'allow' | 'deny';
  readonly decision: Decision;
  /**
   * Obligations that the caller did not say it knows. The call must not be made while there is one.
   */
  readonly unknownObligations: readonly Obligation[];
  /** Id of the request that was answered. */
  readonly requestId: string;
}

export interface ReserveVerdict extends Verdict {
  /**
   * Absent on a denial, and when a call passed uncharged because the ledger of a soft budget is
   * away.
   */
  readonly reservation: Reservation | undefined;
}

/** @param known names of the obligations that the caller carries out. */
export function readVerdict(
  decision: Decision | undefined,
  requestId: string,
  known: ReadonlySet<string>,
): Verdict {
  const read = decision ?? NO_DECISION;
  const effect = read.effect === Effect.ALLOW ? 'allow' : 'deny';
  const unknownObligations = read.obligations.filter(({ name }) => !known.has(name));
  const allowed = effect === 'allow' && unknownObligations.length === 0;
  return { allowed, effect, decision: read, unknownObligations, requestId };
}

/** Stands for an answer without a decision. */
const NO_DECISION: Decision = {
  decisionId: '',
  effect: Effect.UNSPECIFIED,
  reasons: [],
  rateStatus: [],
  budgetStatus: [],
  headers: [],
  grant: undefined,
  obligations: [],
  configurationRevision: '',
  explanation: undefined,
  degraded: false,
  decidedAt: undefined,
  price: undefined,
  exemptions: [],
};
