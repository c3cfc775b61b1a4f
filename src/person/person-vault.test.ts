import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { ManualClock } from '../lib/clock.ts';
import { NOBODY, onlyFields, type Person, type SealedPerson } from './person.ts';
import { MASTER_KEY_BYTES, PersonVault } from './person-vault.ts';

const ZOE: Person = {
  externalUserId: '29:zoe',
  email: 'zoe@example.org',
  name: 'Zoë "Z" O’Hara',
  session: 's-1',
  sourceIp: '2001:db8::1',
};
const MASTER = randomBytes(MASTER_KEY_BYTES);

function sealedBy(vault: PersonVault, person: Person, tenant = 'acme'): SealedPerson {
  const sealed = vault.seal(tenant, person);
  if (!sealed) throw new Error('nothing was sealed');
  return sealed;
}

describe('PersonVault', () => {
  const clock = new ManualClock(1_000);
  const vault = new PersonVault(MASTER, clock);

  it('R87 opens what it sealed, also in another process, and never in another tenant', () => {
    const sealed = sealedBy(vault, ZOE);
    expect(new PersonVault(MASTER, clock).open('acme', sealed)).toEqual(ZOE);
    // Shorter words come up in base64 by chance.
    expect(JSON.stringify(sealed)).not.toMatch(/zoe@|example|o’hara/i);
    expect(() => vault.open('globex', sealed)).toThrow();
    const stranger = new PersonVault(randomBytes(MASTER_KEY_BYTES), clock);
    expect(() => stranger.open('acme', sealed)).toThrow();
    const { sealed: text } = sealed;
    const changed = `${text.slice(0, -2)}${text.endsWith('A') ? 'BB' : 'AA'}`;
    expect(() => vault.open('acme', { ...sealed, sealed: changed })).toThrow();
  });

  it('seals nothing of nobody', () => {
    expect(vault.seal('acme', NOBODY)).toBeUndefined();
  });

  it('X12 a commitment proves what was sealed, and tells nothing: two of the same differ', () => {
    const one = sealedBy(vault, ZOE);
    const elsewhere = sealedBy(vault, { ...ZOE, session: 's-2' });
    const other = sealedBy(vault, ZOE);
    expect(elsewhere.keyId).toBe(one.keyId);
    expect(one.commitment).not.toBe(other.commitment);
    expect(vault.proves('acme', one)).toBe(true);
    expect(vault.proves('acme', { ...one, commitment: other.commitment })).toBe(false);
  });

  it('data that did not change is sealed once for as long as its key serves', () => {
    expect(sealedBy(vault, { ...ZOE })).toBe(sealedBy(vault, ZOE));
  });

  it('R57 finds an address in either case, within its tenant', () => {
    const { emailIndex, userIndex } = sealedBy(vault, ZOE);
    expect(vault.emailIndex('acme', ' ZOE@Example.org ')).toBe(emailIndex);
    expect(vault.userIndex('acme', '29:zoe')).toBe(userIndex);
    expect(vault.emailIndex('globex', ZOE.email)).not.toBe(emailIndex);
    expect(sealedBy(vault, { ...NOBODY, name: 'Zoe' })).toMatchObject({
      ...{ emailIndex: '', userIndex: '' },
    });
  });

  it('a key serves one person for ten minutes', () => {
    const { keyId } = sealedBy(vault, ZOE);
    clock.advance(9 * 60_000);
    expect(sealedBy(vault, { ...ZOE, session: 's-2' }).keyId).toBe(keyId);
    expect(sealedBy(vault, { ...ZOE, email: 'ann@example.org' }).keyId).not.toBe(keyId);
    clock.advance(60_000);
    expect(sealedBy(vault, ZOE).keyId).not.toBe(keyId);
  });

  it('R85 forgets the keys of one person at once', () => {
    const [zoe, ann] = [ZOE, { ...NOBODY, email: 'ann@example.org' }];
    const before = [sealedBy(vault, zoe).keyId, sealedBy(vault, ann).keyId];
    vault.forget(vault.userIndex('acme', ZOE.externalUserId));
    expect(sealedBy(vault, zoe).keyId).not.toBe(before[0]);
    expect(sealedBy(vault, ann).keyId).toBe(before[1]);
    vault.forget(vault.emailIndex('acme', 'ann@example.org'));
    expect(sealedBy(vault, ann).keyId).not.toBe(before[1]);
  });
});

describe('onlyFields', () => {
  it('R86 leaves what is asked for', () => {
    expect(onlyFields(ZOE, ['email'])).toEqual({ ...NOBODY, email: ZOE.email });
    expect(onlyFields(ZOE, [])).toEqual(NOBODY);
  });
});
