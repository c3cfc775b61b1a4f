import { auditEventIdOf, newAuditEventId } from '../lib/ids.ts';
import type { Clock } from '../lib/clock.ts';
import type { Person } from '../person/person.ts';
import type { AuditEvent, AuditEventOf, AuditQuery, NamedBy } from './audit-event.ts';
import type {
  AuditTrail,
  PersonKey,
  PersonOpener,
  PersonStore,
  SealedRecord,
} from './person-store.ts';
import type { ConfigSource, Conflict, Unavailable } from './ports.ts';
import type { QueryRefusal } from './queries.ts';
import type { Page } from './record.ts';

/** Whom a request is about, and who asks. */
export interface PersonQuestion {
  readonly tenant: string;
  readonly by: NamedBy;
  /** The e-mail address or the external user id. */
  readonly value: string;
  readonly actor: string;
}

export interface ErasureCommand extends PersonQuestion {
  readonly requestId: string;
}

export interface AccessQuery extends PersonQuestion {
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

export type Erasure = AuditEventOf<'external_agent.personal_data_erased'>;

/** A record with the personal data that is kept beside it. */
export interface PersonRecord extends Omit<SealedRecord, 'sealed'> {
  readonly person: Person;
}

export interface PersonPage extends Page<PersonRecord> {
  readonly recordsWithUser: number;
}

/** The rights of persons, and the record of who made use of them. */
export interface PersonDesk {
  /** Makes what is kept about a person unreadable. A repeat has the same answer. */
  erase(command: ErasureCommand): Promise<Erasure | Conflict | QueryRefusal>;
  /** What is kept about a person, newest first. Each page is recorded as an access. */
  records(query: AccessQuery): Promise<PersonPage | QueryRefusal>;
  auditEvents(query: AuditQuery): Promise<Page<AuditEvent> | QueryRefusal>;
}

export interface PersonDeskParts {
  readonly config: ConfigSource;
  readonly store: PersonStore;
  readonly trail: AuditTrail;
  /** Undefined while nobody knows the master key. */
  readonly opener: () => PersonOpener | undefined;
  readonly clock: Clock;
}

const NO_KEY: Unavailable = {
  kind: 'unavailable',
  problem: 'the key of personal data is not known until the database answers',
  undone: true,
};

export function openPersonDesk(parts: PersonDeskParts): PersonDesk {
  const known = (tenant: string): boolean => parts.config.current().tenants.has(tenant);
  const withOpener = <T>(
    tenant: string,
    ask: (opener: PersonOpener) => Promise<T>,
  ): Promise<T | QueryRefusal> => {
    if (!known(tenant)) return Promise.resolve({ kind: 'unknown_tenant' });
    const opener = parts.opener();
    return opener ? ask(opener) : Promise.resolve(NO_KEY);
  };
  return {
    erase: (command) => withOpener(command.tenant, (opener) => erase(parts, opener, command)),
    records: (query) => withOpener(query.tenant, (opener) => records(parts, opener, query)),
    auditEvents: (query) =>
      known(query.tenant)
        ? parts.trail.list(query)
        : Promise.resolve({ kind: 'unknown_tenant' } as const),
  };
}

async function erase(
  { store, clock }: PersonDeskParts,
  opener: PersonOpener,
  command: ErasureCommand,
): Promise<Erasure | Conflict | Unavailable> {
  const { tenant, requestId, actor, by } = command;
  const key = keyOf(opener, command);
  const eventId = auditEventIdOf(tenant, requestId);
  const subject = subjectOf(key);
  const order = { ...key, eventId, subject };
  const told = await store.erase(order, ({ records, keys, recordsWithUser }) => ({
    event: 'external_agent.personal_data_erased',
    ...{ eventId, tenant, actor, subject, outcome: 'success' },
    atMs: Math.floor(clock.nowMs()),
    details: { by, records, keys, records_with_user: recordsWithUser },
  }));
  // After the erasure: a key that is made before it is destroyed with the others.
  opener.forget(key.emailIndex || key.userIndex);
  return told;
}

async function records(
  { store, clock }: PersonDeskParts,
  opener: PersonOpener,
  query: AccessQuery,
): Promise<PersonPage | Unavailable> {
  const { tenant, actor, by, pageSize, pageToken } = query;
  const key = keyOf(opener, query);
  const place = { pageSize, ...(pageToken !== undefined && { pageToken }) };
  const page = await store.records({ ...key, ...place }, (found) => ({
    event: 'external_agent.personal_data_accessed',
    ...{ eventId: newAuditEventId(), tenant, actor, subject: subjectOf(key), outcome: 'success' },
    atMs: Math.floor(clock.nowMs()),
    details: { by, records: found },
  }));
  if ('kind' in page) return page;
  const items = page.items.map(({ sealed, ...record }) => ({
    ...record,
    person: opener.open(tenant, sealed),
  }));
  return { ...page, items };
}

function keyOf(opener: PersonOpener, { tenant, by, value }: PersonQuestion): PersonKey {
  return {
    tenant,
    value,
    emailIndex: by === 'email' ? opener.emailIndex(tenant, value) : '',
    userIndex: by === 'external_user_id' ? opener.userIndex(tenant, value) : '',
  };
}

/** Who it was can be proven to whoever has the master key and names the person. */
function subjectOf({ emailIndex, userIndex }: PersonKey): string {
  return `person:${emailIndex || userIndex}`;
}
