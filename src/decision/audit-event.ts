/** What each event tells besides who, when and about whom: plain JSON without personal data. */
interface AuditDetails {
  readonly 'external_agent.credentials_accessed': {
    readonly agent: string;
    readonly purpose: string;
  };
  readonly 'external_agent.authentication_failed': {
    /** How the caller tried to prove who it is. */
    readonly method: string;
    readonly problem: string;
  };
  readonly 'external_agent.personal_data_erased': ErasureDetails;
  readonly 'external_agent.personal_data_accessed': {
    readonly by: NamedBy;
    /** On the page that was read. */
    readonly records: number;
  };
}

export interface ErasureDetails {
  readonly by: NamedBy;
  /** Records whose personal data was removed. */
  readonly records: number;
  /** Keys that were destroyed. */
  readonly keys: number;
  /** Records that carry the address or id itself as their user, and keep it. */
  readonly records_with_user: number;
}

/** By what a person is asked for. */
export type NamedBy = 'email' | 'external_user_id';

export type AuditEventName = keyof AuditDetails;

export const AUDIT_EVENT_NAMES: readonly AuditEventName[] = [
  'external_agent.credentials_accessed',
  'external_agent.authentication_failed',
  'external_agent.personal_data_erased',
  'external_agent.personal_data_accessed',
];

/**
 * Something that happened besides a decision. It stands in the record like one, in the same chain,
 * and is never erased: nothing in it is personal data.
 */
export interface AuditEventOf<Name extends AuditEventName> {
  readonly event: Name;
  /** Unique in the tenant. */
  readonly eventId: string;
  readonly tenant: string;
  readonly atMs: number;
  /** Who asked: an id of an operator or a program. */
  readonly actor: string;
  /** Whom or what it is about, for example "agent:copilot" or "person:<keyed hash>". */
  readonly subject: string;
  readonly outcome: 'success' | 'failure';
  readonly details: AuditDetails[Name];
}

export type AuditEvent = { [Name in AuditEventName]: AuditEventOf<Name> }[AuditEventName];

/** Which events to list; every field narrows. */
export interface AuditQuery {
  readonly tenant: string;
  readonly event?: AuditEventName;
  readonly fromMs?: number;
  /** Exclusive. */
  readonly toMs?: number;
  /** 1 to 1,000. */
  readonly pageSize: number;
  /** As returned by the page before. */
  readonly pageToken?: string;
}

/** The inverse of how `auditRow` in record-row.ts writes the event itself. */
export function decodeAuditEvent(text: string): AuditEvent {
  return JSON.parse(text) as AuditEvent;
}
