import type { AuditEvent } from '../decision/audit-event.ts';
import type { PersonDesk, PersonRecord } from '../decision/person-desk.ts';
import type * as wire from '../gen/tollgate/v1/record_service.ts';
import type { Violation } from './fields.ts';
import { readAccess, readAuditQuery, readErasure } from './read-person.ts';
import { failureOf, invalidArgument } from './refusals.ts';
import { unary, type Answerer, type Edge } from './unary.ts';
import { EFFECT } from './write-explanation.ts';
import { settlementOf } from './write-record.ts';

const SERVICE = '/tollgate.v1.RecordService';

/** The handlers of the RecordService: they read, ask, and write. */
export function recordHandlers(desk: PersonDesk, edge: Edge): wire.RecordServiceServer {
  return {
    erasePerson: unary(edge, `${SERVICE}/ErasePerson`, erasePerson(desk)),
    getPersonRecords: unary(edge, `${SERVICE}/GetPersonRecords`, personRecords(desk)),
    listAuditEvents: unary(edge, `${SERVICE}/ListAuditEvents`, auditEvents(desk)),
  };
}

function erasePerson(
  desk: PersonDesk,
): Answerer<wire.ErasePersonRequest, wire.ErasePersonResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const command = readErasure(found, request);
    if (command === undefined) return invalidArgument(found);
    const told = await desk.erase(command);
    if ('kind' in told) return failureOf(told, 'tenant');
    return {
      records: BigInt(told.details.records),
      recordsWithUser: BigInt(told.details.records_with_user),
      eventId: told.eventId,
      erasedAt: new Date(told.atMs),
    };
  };
}

function personRecords(
  desk: PersonDesk,
): Answerer<wire.GetPersonRecordsRequest, wire.GetPersonRecordsResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const query = readAccess(found, request);
    if (query === undefined) return invalidArgument(found);
    const page = await desk.records(query);
    if ('kind' in page) return failureOf(page, 'tenant');
    return {
      records: page.items.map(personRecordOf),
      nextPageToken: page.nextPageToken ?? '',
      recordsWithUser: BigInt(page.recordsWithUser),
    };
  };
}

function auditEvents(
  desk: PersonDesk,
): Answerer<wire.ListAuditEventsRequest, wire.ListAuditEventsResponse> {
  return async (request) => {
    const found: Violation[] = [];
    const query = readAuditQuery(found, request);
    if (query === undefined) return invalidArgument(found);
    const page = await desk.auditEvents(query);
    if ('kind' in page) return failureOf(page, 'tenant');
    return { events: page.items.map(auditEventOf), nextPageToken: page.nextPageToken ?? '' };
  };
}

function personRecordOf(record: PersonRecord): wire.PersonRecord {
  const { facts, person } = record;
  const { outcome, committedMicroUsd, settledAt, errorMessage } = settlementOf(record.settlement);
  return {
    decisionId: record.decisionId,
    decidedAt: new Date(record.decidedAtMs),
    operation: record.operation,
    agent: facts.agent,
    effect: EFFECT[record.effect],
    reasonCodes: [...record.reasonCodes],
    user: facts.user,
    system: facts.system,
    consent: facts.consent,
    ...person,
    ...{ outcome, committedMicroUsd, settledAt, errorMessage },
  };
}

function auditEventOf({ atMs, ...told }: AuditEvent): wire.AuditEvent {
  return { ...told, at: new Date(atMs), details: { ...told.details } };
}
