import type { Amounts } from '../budgets/amounts.ts';
import { ZERO_AMOUNTS } from '../budgets/amounts.ts';
import type { AccountStatus } from '../decision/decision.ts';
import { eventOf } from '../decision/events.ts';
import type { Settlement, StoredRecord } from '../decision/record.ts';
import { Outcome } from '../gen/tollgate/v1/call.ts';
import type * as wire from '../gen/tollgate/v1/query_service.ts';
import { priceOf, writeReason } from './write-decision.ts';
import { EFFECT, explanationOf } from './write-explanation.ts';
import { budgetStatusOf } from './write-status.ts';

/** A record as the wire says it; personal data is not in it. */
export function writeRecord(record: StoredRecord): wire.DecisionRecord {
  const { decision, facts, settlement } = record;
  return {
    decisionId: decision.decisionId,
    requestId: record.requestId,
    operation: record.operation,
    decidedAt: new Date(decision.decidedAtMs),
    effect: EFFECT[decision.effect],
    event: eventOf(
      decision.effect,
      decision.reasons.map(({ code }) => code),
    ),
    reasons: decision.reasons.map(writeReason),
    tenant: facts.tenant,
    agent: facts.agent,
    agentVersion: facts.agentVersion,
    user: facts.user,
    team: facts.team,
    roles: [...facts.roles],
    system: facts.system,
    environment: facts.environment,
    country: facts.country,
    dataClassification: [...facts.dataClassification],
    attributes: Object.keys(facts.attributes).length > 0 ? facts.attributes : undefined,
    personCommitment: record.personCommitment,
    consent: facts.consent,
    traceId: record.traceId,
    parentTraceId: facts.parentTraceId,
    configurationRevision: decision.configurationRevision,
    estimatedMicroUsd: facts.estimated.costMicroUsd,
    price: decision.price && priceOf(decision.price),
    reservationId: record.reservationId,
    provider: facts.provider,
    budgetBefore: accountsBefore(record).map(budgetStatusOf),
    budgetAfter: decision.accounts.map(budgetStatusOf),
    explanation: decision.explanation && explanationOf(decision.explanation),
    ...settlementOf(settlement),
  };
}

const OUTCOME: Readonly<Record<Settlement['end'], Outcome>> = {
  success: Outcome.SUCCESS,
  error: Outcome.ERROR,
  timeout: Outcome.TIMEOUT,
  cancelled: Outcome.CANCELLED,
  released: Outcome.UNSPECIFIED,
  expired: Outcome.UNSPECIFIED,
};

type SettlementFields = Pick<
  wire.DecisionRecord,
  | 'outcome'
  | 'committedMicroUsd'
  | 'inputTokens'
  | 'outputTokens'
  | 'settledAt'
  | 'durationMs'
  | 'errorMessage'
>;

export function settlementOf(settlement: Settlement | undefined): SettlementFields {
  if (settlement === undefined) {
    return { outcome: Outcome.UNSPECIFIED, settledAt: undefined, errorMessage: '' };
  }
  const { end, amounts, settledAtMs, durationMs, errorMessage } = settlement;
  return {
    outcome: OUTCOME[end],
    committedMicroUsd: amounts.costMicroUsd,
    inputTokens: amounts.inputTokens,
    outputTokens: amounts.outputTokens,
    settledAt: new Date(settledAtMs),
    durationMs: durationMs === undefined ? undefined : BigInt(Math.round(durationMs)),
    errorMessage,
  };
}

/**
 * Accounts are kept as they stood after the decision; what it held is taken off to say how they
 * stood before.
 */
function accountsBefore(record: StoredRecord): readonly AccountStatus[] {
  const held = heldBy(record);
  return record.decision.accounts.map((account) => ({
    ...account,
    held: {
      costMicroUsd: account.held.costMicroUsd - held.costMicroUsd,
      inputTokens: account.held.inputTokens - held.inputTokens,
      outputTokens: account.held.outputTokens - held.outputTokens,
      invocations: account.held.invocations - held.invocations,
    },
  }));
}

/** A partial hold is what its grant allows. */
function heldBy({ decision, facts, operation, reservationId }: StoredRecord): Amounts {
  if (decision.effect === 'deny' || reservationId === '') return ZERO_AMOUNTS;
  const { estimated } = facts;
  const partial = decision.reasons.some((reason) => reason.code === 'budget.partial');
  return {
    costMicroUsd: (partial ? decision.grant?.maxCostMicroUsd : undefined) ?? estimated.costMicroUsd,
    inputTokens: estimated.inputTokens,
    outputTokens: (partial ? decision.grant?.maxOutputTokens : undefined) ?? estimated.outputTokens,
    invocations: operation === 'reserve' ? 1n : 0n,
  };
}
