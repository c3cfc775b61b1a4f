import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { isKnown, type Person, PERSON_FIELDS, type SealedPerson } from './person.ts';

export const MASTER_KEY_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 16;
const KEY_ID_BYTES = 16;
const INDEX_BYTES = 16;

/**
 * A key serves one person in one tenant from one process, and not for long: data that comes after
 * an erasure is then soon under a key of its own again.
 */
const KEY_LIFE_MS = 10 * 60_000;
/** Keys held at once; past it all are made anew. */
const MAX_KEYS = 10_000;

interface PersonKey extends Pick<
  SealedPerson,
  'keyId' | 'wrappedKey' | 'emailIndex' | 'userIndex' | 'keyMadeAtMs'
> {
  readonly key: Buffer;
  /** What it sealed last: a person's calls mostly come with the same data. */
  last?: { readonly person: Person; readonly sealed: SealedPerson };
}

/**
 * Seals what is known about persons (AES-256-GCM), each under keys of their own, which are kept
 * sealed under the master key. Destroying a person's keys makes what was sealed unreadable wherever
 * it lies. E-mail addresses and external user ids are found by HMAC-SHA256.
 */
export class PersonVault {
  readonly #wrapping: Buffer;
  readonly #indexing: Buffer;
  readonly #clock: Clock;
  #keys = new Map<string, PersonKey>();

  /** @param masterKey of MASTER_KEY_BYTES; the same in all processes that share a database. */
  constructor(masterKey: Buffer, clock: Clock) {
    if (masterKey.length !== MASTER_KEY_BYTES) throw new RangeError('the master key is too short');
    this.#wrapping = derived(masterKey, 'tollgate person wrapping');
    this.#indexing = derived(masterKey, 'tollgate person indexing');
    this.#clock = clock;
  }

  /** Undefined when nothing is known. */
  seal(tenant: string, person: Person): SealedPerson | undefined {
    if (!isKnown(person)) return undefined;
    const known = this.#keyOf(tenant, person);
    if (!known.last || !isSame(known.last.person, person)) {
      known.last = { person, sealed: this.#sealAnew(tenant, person, known) };
    }
    return known.last.sealed;
  }

  #sealAnew(
    tenant: string,
    person: Person,
    { key, last: _last, ...identity }: PersonKey,
  ): SealedPerson {
    const plain = Buffer.concat([randomBytes(SALT_BYTES), Buffer.from(personText(person))]);
    const sealed = sealedBytes(key, plain, `${tenant}\n${identity.keyId}`);
    return { ...identity, sealed, commitment: hash('sha256', plain, 'base64url') };
  }

  /** @throws when the key is not ours or something was changed. */
  open(tenant: string, { keyId, wrappedKey, sealed }: OpenOrder): Person {
    const about = `${tenant}\n${keyId}`;
    const key = openedBytes(this.#wrapping, wrappedKey, about);
    const plain = openedBytes(key, sealed, about);
    return personOf(plain.subarray(SALT_BYTES).toString());
  }

  /** Whether a commitment is of what was sealed. @throws as `open` does. */
  proves(tenant: string, order: OpenOrder & Pick<SealedPerson, 'commitment'>): boolean {
    const about = `${tenant}\n${order.keyId}`;
    const key = openedBytes(this.#wrapping, order.wrappedKey, about);
    const digest = hash('sha256', openedBytes(key, order.sealed, about), 'buffer');
    const claimed = Buffer.from(order.commitment, 'base64url');
    return claimed.length === digest.length && timingSafeEqual(claimed, digest);
  }

  /** Addresses that differ in case alone are one. */
  emailIndex(tenant: string, email: string): string {
    return this.#indexOf(tenant, 'email', email.trim().toLowerCase());
  }

  userIndex(tenant: string, externalUserId: string): string {
    return this.#indexOf(tenant, 'user', externalUserId);
  }

  /** Lets go of the keys of whoever is found by an index, so that new ones are made. */
  forget(index: string): void {
    for (const [whose, { emailIndex, userIndex }] of this.#keys) {
      if (emailIndex === index || userIndex === index) this.#keys.delete(whose);
    }
  }

  /** Names the master key without telling it. */
  masterKeyId(): string {
    return this.#indexOf('', 'master', '');
  }

  #indexOf(tenant: string, kind: string, value: string): string {
    const hmac = createHmac('sha256', this.#indexing).update(`${tenant}\n${kind}\n${value}`);
    return hmac.digest().toString('base64url', 0, INDEX_BYTES);
  }

  #keyOf(tenant: string, person: Person): PersonKey {
    const whose = `${tenant}\n${identityOf(person)}`;
    const nowMs = this.#clock.nowMs();
    const known = this.#keys.get(whose);
    if (known && nowMs - known.keyMadeAtMs < KEY_LIFE_MS) return known;
    if (this.#keys.size >= MAX_KEYS) this.#keys = new Map();
    const made = this.#newKey(tenant, person, nowMs);
    this.#keys.set(whose, made);
    return made;
  }

  #newKey(tenant: string, { email, externalUserId }: Person, nowMs: number): PersonKey {
    const key = randomBytes(KEY_BYTES);
    const keyId = randomBytes(KEY_ID_BYTES).toString('base64url');
    return {
      key,
      keyId,
      wrappedKey: sealedBytes(this.#wrapping, key, `${tenant}\n${keyId}`),
      emailIndex: email === '' ? '' : this.emailIndex(tenant, email),
      userIndex: externalUserId === '' ? '' : this.userIndex(tenant, externalUserId),
      keyMadeAtMs: Math.floor(nowMs),
    };
  }
}

function isSame(one: Person, other: Person): boolean {
  return PERSON_FIELDS.every((field) => one[field] === other[field]);
}

/** Who can be named has a key; of others a key serves what is the same in all. */
function identityOf(person: Person): string {
  const { email, externalUserId, name, session, sourceIp } = person;
  if (email || externalUserId) return `${email}\n${externalUserId}`;
  return `\n\n${name}\n${session}\n${sourceIp}`;
}

type OpenOrder = Pick<SealedPerson, 'keyId' | 'wrappedKey' | 'sealed'>;

function derived(masterKey: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, '', purpose, KEY_BYTES));
}

/** @param about what the bytes belong to; they open for nothing else. */
function sealedBytes(key: Buffer, plain: Buffer, about: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(about));
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url');
}

function openedBytes(key: Buffer, sealed: string, about: string): Buffer {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  return Buffer.concat([plain, decipher.final()]);
}

/** A list, because it is written for every call. */
function personText(person: Person): string {
  return JSON.stringify(PERSON_FIELDS.map((field) => person[field]));
}

function personOf(text: string): Person {
  const values = JSON.parse(text) as readonly string[];
  const [externalUserId = '', email = '', name = '', session = '', sourceIp = ''] = values;
  return { externalUserId, email, name, session, sourceIp };
}
