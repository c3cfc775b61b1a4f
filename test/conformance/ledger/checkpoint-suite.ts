import { createPublicKey, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type Checkpoint, CheckpointSigner } from '../../../src/decision/checkpoint.ts';
import type { SealedCheckpoint } from '../../../src/decision/ports.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import { as, holdOf, START_MS } from './requests.ts';

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

/** Signed heads of the chain, in the database and in other hands. */
export function describeCheckpoints(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`checkpoints on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let tenant: string;
    const key = newKey();
    const publicKeys = [createPublicKey(key)];

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
    });
    beforeEach(async () => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
      as('held', await stores.ledger.hold(holdOf(tenant)));
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    /** Signs what this tenant's chain has come to. */
    const sign = async (signer = new CheckpointSigner(key)): Promise<number> => {
      const heads = await stores.checkpoints.unsigned(10_000);
      if ('kind' in heads) throw new Error(heads.problem);
      const own = heads.filter((head) => head.tenant === tenant);
      return Number(await stores.checkpoints.keep(own.map((head) => signer.sign(head, START_MS))));
    };
    const listed = async (): Promise<readonly SealedCheckpoint[]> => {
      const found: SealedCheckpoint[] = [];
      for await (const one of stores.checkpoints.list(tenant)) found.push(one);
      return found;
    };
    const tamper = (text: string): Promise<void> =>
      fixture.sql.script(`
        begin;
        set local session_replication_role = replica;
        ${text.replaceAll('TENANT', `'${tenant}'`)};
        commit;`);
    const found = async (outside: readonly Checkpoint[] = [], onlyTheseKeys = true) => {
      const report = await stores.verify({ tenant, publicKeys, onlyTheseKeys, outside });
      return report.kind === 'ok' ? report : report.discrepancy;
    };

    it('X12 a chain is signed once for as long as it does not grow', async () => {
      expect(await sign()).toBe(1);
      expect(await sign()).toBe(0);
      as('held', await stores.ledger.hold(holdOf(tenant)));
      expect(await sign()).toBe(1);
      const checkpoints = await listed();
      expect(checkpoints.map(({ batch }) => batch)).toEqual([1n, 2n]);
      expect(checkpoints.every(({ hash, sealed }) => hash === sealed)).toBe(true);
      expect(await found()).toMatchObject({ kind: 'ok', checkpoints: 2, unknownKeys: 0 });
    });

    it('X12 a checkpoint that another process was quicker with is left as it is', async () => {
      const heads = await stores.checkpoints.unsigned(10_000);
      if ('kind' in heads) throw new Error(heads.problem);
      const own = heads.filter((head) => head.tenant === tenant);
      await sign();
      const late = own.map((head) => new CheckpointSigner(newKey()).sign(head, START_MS));
      expect(await stores.checkpoints.keep(late)).toBe(0);
      expect(await found()).toMatchObject({ kind: 'ok', checkpoints: 1 });
    });

    it.each([
      ['its hash', `hash = repeat('0', 64)`, 'hash'],
      ['its signature', `signature = 'AAAA'`, 'signature'],
      ['its moment', 'signed_at_ms = signed_at_ms - 1', 'signature'],
      ['its key', `key_id = repeat('0', 32)`, 'key_id'],
    ])('X12 a checkpoint with %s changed is named', async (_, change, column) => {
      await sign();
      await tamper(`update tollgate.checkpoint set ${change} where tenant = TENANT`);
      expect(await found()).toMatchObject({ table: 'checkpoint', key: `${tenant}/1`, column });
    });

    it('X12 a checkpoint replaced under another key is named, where the keys are said', async () => {
      await sign(new CheckpointSigner(newKey()));
      expect(await found()).toMatchObject({ table: 'checkpoint', column: 'key_id' });
      expect(await found([], false)).toMatchObject({ kind: 'ok', checkpoints: 1, unknownKeys: 1 });
    });

    it('X12 history that was rewritten with all its hashes is found out by who kept a checkpoint', async () => {
      await sign();
      const outside = await listed();
      expect(await found(outside)).toMatchObject({ kind: 'ok', checkpoints: 2 });
      // Another history of the same length, sealed as it should be, with its own checkpoint.
      const other = randomUUID();
      as('held', await stores.ledger.hold(holdOf(other)));
      await tamper(`
        delete from tollgate.checkpoint where tenant = TENANT;
        update tollgate.chain c set hash = tollgate.seal('', c.tenant, c.batch, c.at + interval '1 s',
            c.accounts, c.records, (select string_agg(tollgate.entry_text(e), E'\\n' order by e.n)
              from tollgate.entry e where e.tenant = c.tenant and e.batch = c.batch)),
          at = c.at + interval '1 s'
          where c.tenant = TENANT;
        update tollgate.chain_head h set hash = c.hash, at = c.at from tollgate.chain c
          where c.tenant = TENANT and h.tenant = TENANT`);
      await sign();
      expect(await found()).toMatchObject({ kind: 'ok', checkpoints: 1 });
      expect(await found(outside)).toMatchObject({
        ...{ table: 'checkpoint', key: `${tenant}/1`, column: 'hash' },
        expected: outside[0]?.hash,
      });
    });

    it('X12 a checkpoint of batches that are gone, and one that nobody here signed', async () => {
      await sign();
      const [kept] = await listed();
      if (!kept) throw new Error('nothing was signed');
      const later = { ...kept, batch: 7n };
      expect(await found([later])).toMatchObject({ column: 'hash', found: 'none' });
      const forged = new CheckpointSigner(newKey()).sign(kept, START_MS);
      expect(await found([forged])).toMatchObject({ column: 'key_id' });
      expect(await found([{ ...forged, keyId: kept.keyId }])).toMatchObject({
        column: 'signature',
      });
    });
  });
}
