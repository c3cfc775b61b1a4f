import { recordFromWire, type WireRecord } from '../../decision/record-codec.ts';
import { encodeWithoutPerson, personText } from '../../decision/record-text.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import type { Json } from './json-text.ts';

/** The columns of a record in tollgate.lineage, apart from the record itself. */
export function recordColumns(record: DecisionRecord): Json {
  return {
    operation: record.operation,
    decision_id: record.decision.decisionId,
    decided_at_ms: Math.floor(record.decision.decidedAtMs),
    agent: record.facts.agent,
    team: record.facts.team,
    user_id: record.facts.user,
    effect: record.decision.effect,
    reason_codes: reasonCodes(record),
    has_person: isKnown(record),
  };
}

/** Each code once, in the order of its first reason. */
export function reasonCodes({ decision: { reasons } }: DecisionRecord): readonly string[] {
  const codes: string[] = [];
  for (const { code } of reasons) if (!codes.includes(code)) codes.push(code);
  return codes;
}

/** Between a record and its personal data: U+001F, which no JSON text holds. */
const PERSON_SEPARATOR = '\u001f';

/** The record without the person and, where something is known, the person after it. */
export function recordText(record: DecisionRecord): string {
  const text = encodeWithoutPerson(record);
  return isKnown(record) ? text + PERSON_SEPARATOR + personText(record.personal) : text;
}

const NOBODY: DecisionRecord['personal'] = {
  externalUserId: '',
  email: '',
  name: '',
  session: '',
  sourceIp: '',
};

/** A record as it was given; after erasure nothing is known about the person. */
export function recordOf(detail: string, personal: string | null): DecisionRecord {
  const wire = JSON.parse(detail) as Omit<WireRecord, 'personal'>;
  const person = personal === null ? NOBODY : (JSON.parse(personal) as DecisionRecord['personal']);
  return recordFromWire({ ...wire, personal: person });
}

/** Whether anything is known about the person. */
export function isKnown({ personal }: DecisionRecord): boolean {
  const { externalUserId, email, name, session, sourceIp } = personal;
  return (externalUserId || email || name || session || sourceIp) !== '';
}
