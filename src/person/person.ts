/** What is known about the person behind a call. Empty text means unknown. */
export interface Person {
  readonly externalUserId: string;
  readonly email: string;
  readonly name: string;
  readonly session: string;
  readonly sourceIp: string;
}

export type PersonField = keyof Person;

export const PERSON_FIELDS = [
  'externalUserId',
  'email',
  'name',
  'session',
  'sourceIp',
] as const satisfies readonly PersonField[];

export const NOBODY: Person = {
  externalUserId: '',
  email: '',
  name: '',
  session: '',
  sourceIp: '',
};

/**
 * A person as it is kept beside a record: under a key that can be destroyed. Everything is text
 * without control characters; bytes are base64url.
 */
export interface SealedPerson {
  /**
   * SHA-256 over a salt and the data, both sealed. It stands in the record and its chain; without
   * the key nobody can tell what it is of.
   */
  readonly commitment: string;
  readonly keyId: string;
  /** The key itself, sealed under the master key. */
  readonly wrappedKey: string;
  /** By which an e-mail address is found; empty when there is none. */
  readonly emailIndex: string;
  /** By which an external user id is found; empty when there is none. */
  readonly userIndex: string;
  /** When the key was made. An erasure after that destroys it, also when it arrives later. */
  readonly keyMadeAtMs: number;
  readonly sealed: string;
}

export function isKnown(person: Person): boolean {
  const { externalUserId, email, name, session, sourceIp } = person;
  return (externalUserId || email || name || session || sourceIp) !== '';
}

/** Leaves of a person what is asked for. */
export function onlyFields(person: Person, fields: readonly PersonField[]): Person {
  if (fields.length === PERSON_FIELDS.length) return person;
  const kept: Record<PersonField, string> = { ...NOBODY };
  for (const field of fields) kept[field] = person[field];
  return kept;
}
