import type { BudgetSelection } from '../budgets/budget-set.ts';
import type { LimitSelection } from '../limits/limit-set.ts';
import { budgetsOf, limitsOf, type Admission } from './admission.ts';
import type { Decision } from './decision.ts';
import { openingDraft, withPolicy, withWindows } from './draft.ts';
import type { PipelineParts } from './parts.ts';
import { runPolicyStage, type PolicyStage } from './policy-stage.ts';
import type { Conflict, Overloaded, TakeRequest } from './ports.ts';
import type { DecisionRecord } from './record.ts';
import { takeInShadow, type ShadowTakes } from './shadow-limits.ts';
import { runWindowStage, type Taken, type WindowStage } from './window-stage.ts';

/** A request that has been through policy and windows: what remains is money. */
export interface Gates {
  readonly kind: 'gates';
  /** Allows or denies as far as policy and windows go. */
  readonly draft: Decision;
  readonly budgets: BudgetSelection;
  /**
   * What was taken from the windows and has to be given back if money denies; undefined when
   * nothing was.
   */
  readonly taken: Taken | undefined;
  /** True when it was taken by this try, not by an earlier one of the same request. */
  readonly takenNow: boolean;
  /** True when a token stands for policy and windows. */
  readonly byToken: boolean;
  /**
   * True when the windows' store could not answer: the answer must not stand for the request for
   * good.
   */
  readonly outage: boolean;
  /** True when no store took part so far. */
  readonly pure: boolean;
}

/**
 * Policy, then windows: a later stage runs only when the one before allows, and each is told in the
 * draft.
 */
export function passGates(
  parts: PipelineParts,
  admission: Admission,
  operation: DecisionRecord['operation'],
): Gates | Promise<Gates | Conflict | Overloaded> {
  const policy = parts.observer.step('policy', () => runPolicyStage(admission));
  const limits = limitsOf(admission);
  const budgets = budgetsOf(admission);
  const draft = explained(
    withPolicy(openingDraft(admission, operation), policy),
    policy,
    limits,
    budgets,
  );
  if (!policy.allowed || !hasLimits(limits)) {
    return { kind: 'gates', draft, budgets, ...NOTHING_TAKEN };
  }
  return takeWindows(parts, admission, draft, limits, budgets);
}

function hasLimits({ counters, shadow, exempted }: LimitSelection): boolean {
  return counters.length > 0 || shadow.length > 0 || exempted.length > 0;
}

const NOTHING_TAKEN = {
  taken: undefined,
  takenNow: false,
  byToken: false,
  outage: false,
  pure: true,
} as const;

async function takeWindows(
  parts: PipelineParts,
  { command }: Admission,
  draft: Decision,
  limits: LimitSelection,
  budgets: BudgetSelection,
): Promise<Gates | Conflict | Overloaded> {
  const { tenant, requestId, fingerprint } = command;
  const { counters } = limits;
  const callId = draft.decisionId;
  const request: TakeRequest = { tenant, requestId, fingerprint, callId, counters };
  const stage = await parts.observer.stage('windows', () => runWindowStage(parts, request, limits));
  if (stage.kind !== 'windows') return stage;
  for (const { exemption, limitId } of limits.exempted) {
    parts.observer.exempted(exemption.id, limitId);
  }
  const shadow =
    stage.allowed && limits.shadow.length > 0
      ? await takeInShadow(parts.limiter, request, limits.shadow)
      : NO_SHADOW;
  const exemptions = [...new Set(limits.exempted.map(({ exemption }) => exemption.id))];
  return {
    kind: 'gates',
    draft: withWindows(draft, withShadow(stage, shadow), exemptions),
    budgets,
    taken: shadow.taken.length > 0 ? [...(stage.taken ?? []), ...shadow.taken] : stage.taken,
    takenNow: stage.takenNow || (stage.taken === undefined && shadow.taken.length > 0),
    byToken: false,
    outage: stage.outage,
    pure: false,
  };
}

const NO_SHADOW: ShadowTakes = { reasons: [], taken: [] };

function withShadow(stage: WindowStage, { reasons }: ShadowTakes): WindowStage {
  return reasons.length > 0 ? { ...stage, reasons: [...stage.reasons, ...reasons] } : stage;
}

function explained(
  draft: Decision,
  { verdict }: PolicyStage,
  limits: LimitSelection,
  budgets: BudgetSelection,
): Decision {
  if (!verdict) return draft;
  return {
    ...draft,
    explanation: { policy: verdict, limits: limits.uses, budgets: budgets.uses },
  };
}

/**
 * Gives back what the windows gave, so that a denial consumes nothing anywhere.
 * @returns false when the windows' store does not answer: a repeat of the request must try again.
 */
export async function giveBack(
  { observer }: PipelineParts,
  taken: Taken | undefined,
): Promise<boolean> {
  if (!taken) return true;
  const outcomes = await observer.stage('refund', () =>
    Promise.all(taken.map(({ limiter, request }) => limiter.refund(request))),
  );
  return outcomes.every((outcome) => typeof outcome === 'string');
}
