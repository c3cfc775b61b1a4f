import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from './config.ts';
import type { PersonIndex, PersonSealer } from './decision/ports.ts';
import type { PersonOpener } from './decision/person-store.ts';
import { systemClock } from './lib/clock.ts';
import type { Person, SealedPerson } from './person/person.ts';
import { isKnown } from './person/person.ts';
import { MASTER_KEY_BYTES, PersonVault } from './person/person-vault.ts';
import type { LedgerStores } from './stores/postgres/ledger-stores.ts';

/** The ledger goes by another key for personal data. The message says what to do. */
export class PersonKeyError extends Error {
  override readonly name = 'PersonKeyError';
}

const AGREED_AS = 'person key';
/** A key that the ledger made for itself, and the name of one that it was given. */
const OWN = 'own:';
const GIVEN = 'given:';

/** The last key that was agreed on, for a start while the database is away. */
const KEY_FILE = 'persons.key';
const AGREE_AGAIN_MS = 1_000;

type Stores = Pick<LedgerStores, 'agree'>;
type KeySettings = Pick<Settings, 'personalKey' | 'dataDir'>;

/**
 * The key that all processes of the ledger share: the one that is given, or one that the ledger
 * made for itself when it was first asked.
 * @throws PersonKeyError when the ledger goes by another one, or what the database says.
 */
async function agreedKey(stores: Stores, given: Uint8Array | undefined): Promise<Buffer> {
  if (given) {
    const key = Buffer.from(given).subarray(0, MASTER_KEY_BYTES);
    const name = GIVEN + new PersonVault(key, systemClock).masterKeyId();
    const agreed = await stores.agree(AGREED_AS, name);
    if (agreed !== name) throw new PersonKeyError(otherKey(agreed));
    return key;
  }
  const made = randomBytes(MASTER_KEY_BYTES).toString('base64');
  const agreed = await stores.agree(AGREED_AS, OWN + made);
  if (agreed.startsWith(OWN)) return Buffer.from(agreed.slice(OWN.length), 'base64');
  throw new PersonKeyError(
    'The personal data in this ledger is sealed under a key that was given: set TOLLGATE_PERSONAL_KEY to it.',
  );
}

function otherKey(agreed: string): string {
  return agreed.startsWith(OWN)
    ? 'This ledger made a key for personal data by itself: unset TOLLGATE_PERSONAL_KEY, which is for a new ledger.'
    : 'The personal data in this ledger is sealed under another key than TOLLGATE_PERSONAL_KEY.';
}

export interface Persons extends PersonSealer, PersonIndex {
  /** Undefined while nobody knows the key. */
  opener(): PersonOpener | undefined;
  close(): void;
}

/**
 * Seals under the agreed key. While the database cannot say which one that is, the one of the last
 * start serves; and at a first start without a database nobody's data is kept, which is told.
 * @throws PersonKeyError
 */
export async function openPersons(
  stores: Stores,
  settings: KeySettings,
  warn: (message: string) => void,
): Promise<Persons> {
  const persons = new LatePersons(join(settings.dataDir, KEY_FILE), warn);
  await persons.agree(() => agreedKey(stores, settings.personalKey));
  return persons;
}

class LatePersons implements Persons {
  readonly #file: string;
  readonly #warn: (message: string) => void;
  #vault: PersonVault | undefined;
  #unkept = 0;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(file: string, warn: (message: string) => void) {
    this.#file = file;
    this.#warn = warn;
  }

  seal(tenant: string, person: Person): SealedPerson | undefined {
    if (this.#vault) return this.#vault.seal(tenant, person);
    if (isKnown(person)) {
      if (this.#unkept === 0) this.#warn('personal data is not kept until the database answers');
      this.#unkept += 1;
    }
    return undefined;
  }

  opener(): PersonOpener | undefined {
    return this.#vault;
  }

  emailIndex(tenant: string, email: string): string | undefined {
    return this.#vault?.emailIndex(tenant, email);
  }

  async agree(key: () => Promise<Buffer>): Promise<void> {
    try {
      this.#use(await key());
    } catch (error) {
      if (error instanceof PersonKeyError) throw error;
      this.#vault ??= this.#lastVault();
      if (this.#closed) return;
      this.#again = setTimeout(() => {
        this.agree(key).catch((late: unknown) => this.#warn(String(late)));
      }, AGREE_AGAIN_MS).unref();
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
  }

  #use(key: Buffer): void {
    this.#vault = new PersonVault(key, systemClock);
    if (this.#unkept > 0) this.#warn(`personal data of ${this.#unkept} calls was not kept`);
    this.#unkept = 0;
    try {
      writeFileSync(this.#file, key.toString('base64'), { mode: 0o600 });
    } catch {
      // It is there for a start without a database, and only then missed.
    }
  }

  #lastVault(): PersonVault | undefined {
    try {
      const key = Buffer.from(readFileSync(this.#file, 'utf8'), 'base64');
      return new PersonVault(key, systemClock);
    } catch {
      return undefined;
    }
  }
}
