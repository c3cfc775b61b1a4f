import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import {
  accountOf,
  as,
  commitOf,
  expectVerified,
  holdOf,
  MINUTE_MS,
  readCosts,
  START_MS,
  usd,
} from './requests.ts';

const DAY_MS = 24 * 60 * MINUTE_MS;
const ENOUGH = 10_000;

/** What is settled and old leaves the tables that calls are decided on, and is lost nowhere. */
export function describeArchive(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`archive on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
    });
    beforeEach(async () => {
      // What other tests left is swept into the archive first.
      fixture.clock.set(START_MS + 100 * DAY_MS);
      await stores.ledger.archive(0, ENOUGH);
      fixture.clock.set(START_MS);
      tenant = randomUUID();
      return () => expectVerified(stores, tenant);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    const countOf = async (table: string): Promise<number> => {
      const rows = await fixture.sql.query<{ count: number }>(
        `select count(*)::integer as count from tollgate.${table} where tenant = $1`,
        [tenant],
      );
      return rows[0]?.count ?? -1;
    };

    it('moves settled calls that are old enough, the oldest first, with their whole history', async () => {
      for (let call = 0; call < 3; call += 1) {
        const request = holdOf(tenant);
        as('held', await stores.ledger.hold(request));
        as('settled', await stores.ledger.commit(commitOf(request)));
        fixture.clock.advance(DAY_MS);
      }
      expect(await stores.ledger.archive(2 * DAY_MS, 1)).toBe(1);
      expect(await stores.ledger.archive(2 * DAY_MS, ENOUGH)).toBe(1);
      expect(await stores.ledger.archive(2 * DAY_MS, ENOUGH)).toBe(0);
      for (const table of ['reservation', 'lineage', 'chain']) {
        expect([table, await countOf(`${table}_archive`)]).toEqual([
          table,
          table === 'chain' ? 2 : 1,
        ]);
      }
      expect(await countOf('reservation')).toBe(2);
      expect(await countOf('entry')).toBe(4);
      expect(await readCosts(stores.ledger, tenant)).toEqual([{ held: 0n, committed: usd(3) }]);
    });

    it('an open hold stays however old it is, and moves once it is settled', async () => {
      const request = holdOf(tenant, undefined, { holdForMs: 30 * DAY_MS });
      as('held', await stores.ledger.hold(request));
      fixture.clock.advance(10 * DAY_MS);
      await stores.ledger.archive(DAY_MS, ENOUGH);
      expect(await countOf('reservation')).toBe(1);
      as('settled', await stores.ledger.commit(commitOf(request)));
      fixture.clock.advance(2 * DAY_MS);
      await stores.ledger.archive(DAY_MS, ENOUGH);
      expect(await countOf('reservation')).toBe(0);
      expect(await countOf('reservation_archive')).toBe(1);
    });

    it('X5 a commit later than that still corrects what was presumed', async () => {
      const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(4) } });
      as('held', await stores.ledger.hold(request));
      fixture.clock.advance(6 * MINUTE_MS);
      await stores.ledger.expire(ENOUGH);
      fixture.clock.advance(30 * DAY_MS);
      await stores.ledger.archive(DAY_MS, ENOUGH);
      expect(await countOf('reservation')).toBe(0);
      const commit = commitOf(request, { costMicroUsd: usd(3) });
      expect(as('settled', await stores.ledger.commit(commit))).toMatchObject({ late: true });
      expect(await readCosts(stores.ledger, tenant)).toEqual([{ held: 0n, committed: usd(3) }]);
      expect(as('settled', await stores.ledger.commit(commit))).toMatchObject({ replayed: true });
    });

    it('R54 an archived decision is read and listed like any other', async () => {
      const request = holdOf(tenant);
      as('held', await stores.ledger.hold(request));
      as('settled', await stores.ledger.commit(commitOf(request)));
      const { decisionId } = request.record.decision;
      const before = await stores.lineage.get(tenant, decisionId);
      const listed = await stores.lineage.list({ tenant, pageSize: 10 });
      fixture.clock.advance(3 * DAY_MS);
      await stores.ledger.archive(DAY_MS, ENOUGH);
      expect(await countOf('lineage')).toBe(0);
      expect(await stores.lineage.get(tenant, decisionId)).toEqual(before);
      expect(await stores.lineage.list({ tenant, pageSize: 10 })).toEqual(listed);
    });

    it('X3 a request id is remembered for 48 hours and more: until its batch is archived', async () => {
      const request = holdOf(tenant);
      as('held', await stores.ledger.hold(request));
      as('settled', await stores.ledger.commit(commitOf(request)));
      fixture.clock.advance(2 * DAY_MS - 1);
      await stores.ledger.archive(2 * DAY_MS, ENOUGH);
      expect(as('held', await stores.ledger.hold(request))).toMatchObject({ replayed: true });
    });

    it('a request id used again after it was forgotten is a new call, and the books agree', async () => {
      const account = accountOf({ caps: { costMicroUsd: usd(10) } });
      const request = holdOf(tenant, [account]);
      for (let round = 1; round <= 2; round += 1) {
        expect(as('held', await stores.ledger.hold(request))).toMatchObject({ replayed: false });
        as('settled', await stores.ledger.commit(commitOf(request)));
        fixture.clock.advance(3 * DAY_MS);
        await stores.ledger.archive(DAY_MS, ENOUGH);
        expect(await readCosts(stores.ledger, tenant, [account])).toEqual([
          { held: 0n, committed: usd(round) },
        ]);
      }
    });
  });
}
