import type { AuditEvent } from './audit-event.ts';
import { encodeRecord } from './record-text.ts';
import type { DecisionRecord } from './record.ts';

/**
 * A record as a row of text, the form in which the journal writes it and the Lineage takes it: what
 * it is found by, the record itself and, where something is known, the person. Written once; on its
 * way nobody reads it again. Fields are separated by U+001F, rows by U+001E; no field holds either.
 */
export const FIELD_SEPARATOR = '\u001f';
export const ROW_SEPARATOR = '\u001e';

/** Places of fields that are looked at on the way. */
const DECISION_ID = 1;
const DECIDED_AT = 4;

export function recordRow(record: DecisionRecord): string {
  const { facts, decision } = record;
  return (
    `${plain(facts.tenant)}\u001f${plain(decision.decisionId)}\u001f${plain(record.requestId)}` +
    `\u001f${record.operation}\u001f${Math.floor(decision.decidedAtMs)}` +
    `\u001f${plain(facts.agent)}\u001f${plain(facts.team)}\u001f${plain(facts.user)}` +
    `\u001f${decision.effect}\u001f${reasonCodes(record).join()}` +
    `\u001f${plain(record.reservationId)}\u001f${recordEnd(record)}`
  );
}

/** The row from the trace on: what the ledger is given beside a hold. */
export function recordEnd(record: DecisionRecord): string {
  const { person } = record;
  const end = `${plain(record.traceId)}\u001f${encodeRecord(record)}`;
  if (!person) return end;
  return (
    `${end}\u001f${person.keyId}\u001f${person.wrappedKey}\u001f${person.emailIndex}` +
    `\u001f${person.userIndex}\u001f${person.keyMadeAtMs}\u001f${person.sealed}`
  );
}

/** Stands where a decision has its operation. */
const AUDIT = 'audit';

/** An audit event as a row: its name stands where a decision has its reason. */
export function auditRow(event: AuditEvent): string {
  const { tenant, eventId, atMs, outcome } = event;
  const id = plain(eventId);
  const effect = outcome === 'success' ? 'allow' : 'deny';
  return [
    ...[plain(tenant), id, id, AUDIT, Math.floor(atMs), '', '', '', effect, event.event],
    ...['', '', JSON.stringify(event)],
  ].join(FIELD_SEPARATOR);
}

/** Each code once, in the order of its first reason. */
export function reasonCodes({ decision: { reasons } }: DecisionRecord): readonly string[] {
  const codes: string[] = [];
  for (const { code } of reasons) if (!codes.includes(code)) codes.push(code);
  return codes;
}

/** Of a row on its way: which decision it is, for people who look for it. */
export function decisionIdIn(row: string): string {
  return row.split(FIELD_SEPARATOR, DECISION_ID + 1)[DECISION_ID] ?? '';
}

export function decidedAtMsIn(row: string): number {
  return Number(row.split(FIELD_SEPARATOR, DECIDED_AT + 1)[DECIDED_AT] ?? 0);
}

/** No id or name that is read at the edge holds one; a store could not keep it. */
const CONTROL = /[\u0000-\u001f]/g; // eslint-disable-line no-control-regex

function plain(value: string): string {
  for (let index = 0; index < value.length; index++) {
    if (value.charCodeAt(index) < 0x20) return value.replace(CONTROL, '\ufffd');
  }
  return value;
}
