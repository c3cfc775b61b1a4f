import { decisionIdOf } from '../lib/ids.ts';
import type { Remembered } from './answer-memory.ts';
import type { Decided, SettlementRefusal } from './answers.ts';
import { COMPLEXITIES, type ExtendCommand } from './call.ts';
import type { Decision } from './decision.ts';
import { finishHold } from './finish.ts';
import type { PipelineParts } from './parts.ts';
import type { ExtendOutcome, Reservation } from './ports.ts';
import type { DecisionRecord } from './record.ts';
import { refusalOf } from './settlement.ts';

type ExtendAnswer = Remembered<Decided | SettlementRefusal>;

/**
 * Asks the accounts of an open reservation for more money, more tokens or more time: all of it or
 * nothing.
 */
export async function extend(parts: PipelineParts, command: ExtendCommand): Promise<ExtendAnswer> {
  const reservation = await parts.ledger.reservation(command.tenant, command.reservationId);
  if ('kind' in reservation) return { answer: refusalOf(reservation), keep: 'nothing' };
  const record = recordOf(command, reservation, draftOf(parts, command));
  const outcome = await parts.observer.stage('hold', () =>
    parts.ledger.extend({ ...command, record }),
  );
  return answered(parts, command, reservation, outcome);
}

function draftOf({ config, clock }: PipelineParts, command: ExtendCommand): Decision {
  return {
    decisionId: decisionIdOf(command.tenant, 'extend', command.requestId),
    effect: 'allow',
    reasons: [],
    windows: [],
    accounts: [],
    grant: undefined,
    obligations: [],
    exemptions: [],
    degraded: false,
    price: undefined,
    explanation: undefined,
    configurationRevision: config.current().revision,
    decidedAtMs: clock.nowMs(),
  };
}

function recordOf(
  command: ExtendCommand,
  { pricing, reservationId }: Reservation,
  decision: Decision,
): DecisionRecord {
  const { tenant, requestId, fingerprint, traceId, add } = command;
  return {
    requestId,
    fingerprint,
    operation: 'extend',
    traceId,
    facts: {
      tenant,
      agent: pricing.agent,
      agentVersion: '',
      provider: pricing.platform,
      user: '',
      team: '',
      roles: [],
      system: '',
      environment: '',
      country: '',
      dataClassification: [],
      attributes: {},
      model: pricing.model,
      complexity: COMPLEXITIES.find((one) => one === pricing.complexity) ?? 'standard',
      estimated: add,
      parentTraceId: '',
      consent: '',
    },
    personCommitment: '',
    person: undefined,
    decision,
    reservationId,
  };
}

function answered(
  { observer }: PipelineParts,
  command: ExtendCommand,
  reservation: Reservation,
  outcome: ExtendOutcome,
): ExtendAnswer {
  if (outcome.kind !== 'held' && outcome.kind !== 'denied') {
    return { answer: refusalOf(outcome), keep: 'nothing' };
  }
  const decision = finishHold(outcome.record.decision, outcome);
  observer.decided('extend', decision, command.tenant, reservation.pricing.agent, command.traceId);
  const after = outcome.kind === 'held' ? outcome.reservation : reservation;
  return { answer: { kind: 'decided', decision, reservation: after }, keep: 'answer' };
}
