import type { Person, SealedPerson } from '../person/person.ts';
import type { AuditEvent, AuditEventOf, AuditQuery } from './audit-event.ts';
import type { Effect } from './decision.ts';
import type { Conflict, Unavailable } from './ports.ts';
import type { DecisionRecord, Page, Settlement } from './record.ts';

/**
 * The ports of the right of access and of erasure (person-desk.ts), under the rules of ports.ts.
 */

/** Finds and opens what a PersonSealer sealed. */
export interface PersonOpener {
  emailIndex(tenant: string, email: string): string;
  userIndex(tenant: string, externalUserId: string): string;
  /** @throws when the key is not ours or something was changed. */
  open(tenant: string, sealed: Pick<SealedPerson, 'keyId' | 'wrappedKey' | 'sealed'>): Person;
  /** Lets go of the keys of whoever is found by this index: what comes next is under a new one. */
  forget(index: string): void;
}

/** A person as the store finds it: by one of the two, the other one is empty. */
export interface PersonKey {
  readonly tenant: string;
  readonly emailIndex: string;
  readonly userIndex: string;
  /** The address or id itself, to count the records that carry it as their user. */
  readonly value: string;
}

export interface Erased {
  readonly records: number;
  readonly keys: number;
  readonly recordsWithUser: number;
}

type ErasureEvent = AuditEventOf<'external_agent.personal_data_erased'>;
type AccessEvent = AuditEventOf<'external_agent.personal_data_accessed'>;

export interface ErasureOrder extends PersonKey {
  /** Of the event; where it is there already, nothing is done. */
  readonly eventId: string;
  /** Whom the event is about. */
  readonly subject: string;
}

export interface PersonPageQuery extends PersonKey {
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** A record with what is sealed beside it. */
export interface SealedRecord {
  readonly decisionId: string;
  readonly decidedAtMs: number;
  readonly operation: DecisionRecord['operation'];
  readonly effect: Effect;
  readonly reasonCodes: readonly string[];
  readonly facts: DecisionRecord['facts'];
  readonly settlement: Settlement | undefined;
  readonly sealed: Pick<SealedPerson, 'keyId' | 'wrappedKey' | 'sealed'>;
}

export interface SealedPage extends Page<SealedRecord> {
  readonly recordsWithUser: number;
}

/** Keeps what is sealed about persons, and tells of everything that is done with it. */
export interface PersonStore {
  /**
   * Destroys the keys of a person and removes what was sealed under them, in one transaction with
   * the event that tells of it.
   * @param event of what was erased.
   * @returns the event that stands: an earlier one when the event id was there. Conflict when that
   *   one is about somebody else.
   */
  erase(
    order: ErasureOrder,
    event: (erased: Erased) => ErasureEvent,
  ): Promise<ErasureEvent | Conflict | Unavailable>;
  /**
   * Newest first. A page is handed out once the event that tells of it is kept.
   * @param event of how many records are on the page.
   */
  records(
    query: PersonPageQuery,
    event: (records: number) => AccessEvent,
  ): Promise<SealedPage | Unavailable>;
}

/** What was recorded besides decisions. */
export interface AuditTrail {
  /** Newest first. */
  list(query: AuditQuery): Promise<Page<AuditEvent> | Unavailable>;
}
