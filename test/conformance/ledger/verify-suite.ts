import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { HoldRequest } from '../../../src/decision/ports.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import { accountOf, as, commitOf, holdOf, START_MS } from './requests.ts';

/** What `verify` has to find when somebody changes rows by hand. */
export function describeVerify(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`verify on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let tenant: string;
    let kept: HoldRequest;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
    });
    beforeEach(async () => {
      tenant = randomUUID();
      const accounts = [accountOf(), accountOf({ budgetId: 'team', owner: 'team:hr', depth: 1 })];
      const settled = holdOf(tenant, accounts);
      kept = holdOf(tenant, accounts);
      as('held', await stores.ledger.hold(settled));
      as('held', await stores.ledger.hold(kept));
      as('settled', await stores.ledger.commit(commitOf(settled)));
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    /** Runs SQL past the triggers that keep history. */
    const tamper = (text: string) =>
      fixture.sql.script(`
        begin;
        set local session_replication_role = replica;
        ${text.replaceAll('TENANT', `'${tenant}'`).replaceAll('KEPT', `'${kept.reservationId}'`)};
        commit;`);
    const found = async () => {
      const report = await stores.verify({ tenant });
      if (report.kind === 'ok') throw new Error('the damage was not found');
      return report.discrepancy;
    };

    it('finds nothing where nothing is wrong, and counts what it looked at', async () => {
      expect(await stores.verify({ tenant })).toEqual({
        kind: 'ok',
        accounts: 2,
        reservations: 2,
        requests: 3,
        entries: 3,
      });
      const future = await stores.verify({ tenant, sinceMs: START_MS + 1 });
      expect(future).toMatchObject({ kind: 'ok', reservations: 0, requests: 0 });
    });

    it('a balance off by one micro-dollar', async () => {
      await tamper(`update tollgate.account set committed_cost = committed_cost + 1
        where tenant = TENANT and budget_id = 'team'`);
      expect(await found()).toEqual({
        table: 'account',
        key: `${tenant}/team/team:hr/total`,
        column: 'committed_cost',
        expected: '1000000',
        found: '1000001',
      });
    });

    it('X2 whatever the program does, the database refuses a hold above the cap', async () => {
      const over = tamper(`update tollgate.account set held_cost = cap_cost + 1
        where tenant = TENANT and budget_id = 'team'`);
      await expect(over).rejects.toThrow('account_within_cost');
      await fixture.sql.script('rollback');
    });

    it('a held token too few', async () => {
      await tamper(`update tollgate.account set held_invocations = 0
        where tenant = TENANT and budget_id = 'org-total'`);
      expect(await found()).toMatchObject({
        table: 'account',
        column: 'held_invocations',
        expected: '1',
      });
    });

    it('a deleted entry', async () => {
      await tamper(`delete from tollgate.entry where tenant = TENANT and kind = 'commit'`);
      expect(await found()).toMatchObject({
        table: 'reservation',
        expected: 'open',
        found: 'committed',
      });
    });

    it('a hold without its entry', async () => {
      await tamper('delete from tollgate.entry where tenant = TENANT and reservation_id = KEPT');
      expect(await found()).toMatchObject({
        table: 'reservation',
        key: `${tenant}/${kept.reservationId}`,
        column: 'entries',
        expected: '1 hold',
        found: '0 holds',
      });
    });

    it('an entry without its reservation', async () => {
      await tamper(
        'delete from tollgate.reservation where tenant = TENANT and reservation_id = KEPT',
      );
      expect(await found()).toMatchObject({
        table: 'entry',
        key: `${tenant}/${kept.reservationId}`,
      });
    });

    it('an account that is gone', async () => {
      await tamper(`delete from tollgate.account where tenant = TENANT and budget_id = 'team'`);
      expect(await found()).toMatchObject({
        table: 'account',
        column: 'account_id',
        found: 'none',
      });
    });

    it('a changed reservation', async () => {
      await tamper(
        'update tollgate.reservation set held_cost = 1 where tenant = TENANT and reservation_id = KEPT',
      );
      expect(await found()).toMatchObject({
        table: 'reservation',
        column: 'held_cost',
        found: '1',
      });
    });

    it('a reservation moved to other accounts', async () => {
      await tamper(`update tollgate.reservation set account_ids = '{x}'
        where tenant = TENANT and reservation_id = KEPT`);
      expect(await found()).toMatchObject({ table: 'reservation', column: 'account_ids' });
    });

    it('a request whose entry names another one', async () => {
      await tamper(
        `update tollgate.entry set request_id = 'r' where tenant = TENANT and kind = 'commit'`,
      );
      expect(await found()).toMatchObject({
        table: 'request',
        expected: '1 entry of commit',
        found: '0 entries',
      });
    });
  });
}
