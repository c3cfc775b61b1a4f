import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { NOBODY } from '../../src/person/person.ts';
import { MASTER_KEY_BYTES, PersonVault } from '../../src/person/person-vault.ts';
import type { SqlClient } from '../../src/stores/postgres/sql-client.ts';
import { postgresFixture, type LedgerFixture } from '../conformance/ledger/fixtures.ts';
import { recordOf } from '../conformance/ledger/requests.ts';
import { rowsOf } from '../support/record-rows.ts';
import { eventually } from './waiting.ts';

const ZOE = { ...NOBODY, email: 'zoe@example.org' };
const TIMEOUT_MS = 60_000;

/** A record of a person that is to be written, and how to write and to erase it. */
function prepared({ clock }: LedgerFixture) {
  const vault = new PersonVault(randomBytes(MASTER_KEY_BYTES), clock);
  const tenant = randomUUID();
  const person = vault.seal(tenant, ZOE);
  const [row = Buffer.alloc(0)] = rowsOf(recordOf(tenant, { operation: 'authorize', person }));
  const index = vault.emailIndex(tenant, ZOE.email);
  return {
    write: (sql: SqlClient) => sql.query('select tollgate.append_records($1::text)', [row]),
    /** @param lateByMs how long after the key was made. */
    erase: (sql: SqlClient, lateByMs: number) =>
      sql.query<{ records: number; keys: number }>(
        `select * from tollgate.erase_person($1, $2, '', $3::timestamptz)`,
        [tenant, index, new Date(clock.nowMs() + lateByMs).toISOString()],
      ),
  };
}

/** Does the first in a transaction that ends only when the second waits for it. */
async function oneBehindTheOther<T>(
  { sql }: LedgerFixture,
  first: (inside: SqlClient) => Promise<unknown>,
  second: () => Promise<T>,
): Promise<T> {
  const done = Promise.withResolvers<undefined>();
  const goOn = Promise.withResolvers<undefined>();
  const before = sql.transaction(
    async (inside) => {
      await first(inside);
      done.resolve(undefined);
      await goOn.promise;
    },
    { timeoutMs: TIMEOUT_MS },
  );
  await done.promise;
  const behind = second();
  await eventually(async () => {
    const waiting = await sql.query('select from pg_locks where not granted');
    return waiting.length > 0;
  }, 'nobody waits');
  goOn.resolve(undefined);
  await before;
  return behind;
}

describe('R85 an erasure and a record of the person at the same time', () => {
  it('a key that is just being written is waited for and destroyed, whatever the clocks say', async () => {
    await using fixture = await postgresFixture();
    const { write, erase } = prepared(fixture);
    const erased = await oneBehindTheOther(fixture, write, () => erase(fixture.sql, -TIMEOUT_MS));
    expect(erased).toEqual([{ records: 1, keys: 1 }]);
    const keys = await fixture.sql.query('select wrapped from tollgate.person_key');
    expect(keys).toEqual([{ wrapped: null }]);
  }, 60_000);

  it('a key that comes during the erasure is kept without being readable', async () => {
    await using fixture = await postgresFixture();
    const { write, erase } = prepared(fixture);
    const erasing = (inside: SqlClient) => erase(inside, 0);
    await oneBehindTheOther(fixture, erasing, () => write(fixture.sql));
    const keys = await fixture.sql.query('select wrapped from tollgate.person_key');
    expect(keys).toEqual([{ wrapped: null }]);
  }, 60_000);
});
