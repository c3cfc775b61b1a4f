import { decisionIdOf } from '../lib/ids.ts';
import { NOBODY, onlyFields, type Person } from '../person/person.ts';
import type { Admission } from './admission.ts';
import { callFactsOf } from './admission.ts';
import type { Call } from './call.ts';
import type { Decision } from './decision.ts';
import type { PipelineParts } from './parts.ts';
import type { PolicyStage } from './policy-stage.ts';
import type { DecisionRecord } from './record.ts';
import type { RecordRules } from './snapshot.ts';
import type { WindowStage } from './window-stage.ts';

/** What can be said before any stage ran: nothing allows yet. */
export function openingDraft(
  admission: Admission,
  operation: DecisionRecord['operation'],
): Decision {
  const { command, snapshot, price, nowMs } = admission;
  return {
    decisionId: decisionIdOf(command.tenant, operation, command.requestId),
    effect: 'deny',
    reasons: [],
    windows: [],
    accounts: [],
    grant: undefined,
    obligations: [],
    exemptions: [],
    degraded: false,
    price,
    explanation: undefined,
    configurationRevision: snapshot.revision,
    decidedAtMs: nowMs,
  };
}

export function withPolicy(draft: Decision, stage: PolicyStage): Decision {
  return {
    ...draft,
    effect: stage.allowed ? 'allow' : 'deny',
    reasons: [...draft.reasons, ...stage.reasons],
    obligations: stage.allowed ? (stage.verdict?.obligations ?? []) : [],
  };
}

export function withWindows(
  draft: Decision,
  stage: WindowStage,
  exemptions: readonly string[],
): Decision {
  return {
    ...draft,
    effect: stage.allowed ? 'allow' : 'deny',
    reasons: [...draft.reasons, ...stage.reasons],
    windows: stage.windows,
    exemptions,
    obligations: stage.allowed ? draft.obligations : [],
  };
}

/** The record of a decision. For a Reserve the decision is the draft that the ledger completes. */
export function recordOf(
  { persons }: Pick<PipelineParts, 'persons'>,
  admission: Admission,
  operation: DecisionRecord['operation'],
  decision: Decision,
  reservationId = '',
): DecisionRecord {
  const { command, tenant } = admission;
  const person = persons.seal(command.tenant, keptPerson(command.call, tenant.record));
  return {
    requestId: command.requestId,
    fingerprint: command.fingerprint,
    operation,
    traceId: command.traceId,
    facts: callFactsOf(admission),
    personCommitment: person?.commitment ?? '',
    person,
    decision,
    reservationId,
  };
}

/** What of the person may be stored. */
function keptPerson(call: Call, { personalData, consentRequired }: RecordRules): Person {
  if (consentRequired && call.consent === '') return NOBODY;
  return onlyFields({ ...call.personal, sourceIp: call.sourceIp }, personalData);
}
