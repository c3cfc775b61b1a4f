import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { HoldRequest } from '../../../src/decision/ports.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { Discrepancy } from '../../../src/stores/postgres/verify.ts';
import type { LedgerFixture } from './fixtures.ts';
import { accountOf, as, commitOf, holdOf, START_MS } from './requests.ts';

const DAY_MS = 86_400_000;

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
      fixture.clock.set(START_MS);
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
        batches: 3,
        entries: 3,
        reservations: 2,
        accounts: 2,
        alerts: 0,
        carries: 0,
        records: 2,
      });
      const future = await stores.verify({ tenant, sinceMs: START_MS + 1 });
      expect(future).toMatchObject({ kind: 'ok', batches: 0, reservations: 0, accounts: 0 });
    });

    it('since a moment it starts from the lines that the first batch keeps', async () => {
      fixture.clock.advance(60_000);
      as('settled', await stores.ledger.commit(commitOf(kept, { costMicroUsd: 7n })));
      fixture.clock.set(START_MS);
      const since = { tenant, sinceMs: START_MS + 1 };
      expect(await stores.verify(since)).toMatchObject({ kind: 'ok', batches: 1, accounts: 2 });
      await tamper(`update tollgate.account set committed_cost = committed_cost + 1
        where tenant = TENANT and budget_id = 'team'`);
      expect(await stores.verify(since)).toMatchObject({
        discrepancy: { column: 'committed_cost', expected: '1000007', found: '1000008' },
      });
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

    const damages: readonly (readonly [string, string, Partial<Discrepancy>])[] = [
      [
        'a held call too few',
        `update tollgate.account set held_invocations = 0
          where tenant = TENANT and budget_id = 'org-total'`,
        { table: 'account', column: 'held_invocations', expected: '1', found: '0' },
      ],
      [
        'a deleted entry',
        `delete from tollgate.entry where tenant = TENANT and operation = 'commit'`,
        { table: 'chain', column: 'entries', expected: '1', found: '0' },
      ],
      [
        'a hold without its entry',
        'delete from tollgate.entry where tenant = TENANT and reservation_id = KEPT',
        { table: 'chain', column: 'entries' },
      ],
      [
        'a hold whose entry, batch and place in the chain are gone',
        `delete from tollgate.entry where tenant = TENANT and batch = 3;
         delete from tollgate.chain where tenant = TENANT and batch = 3;
         update tollgate.chain_head h set batch = c.batch, hash = c.hash
           from tollgate.chain c where c.tenant = TENANT and c.batch = 2 and h.tenant = TENANT`,
        { table: 'reservation', column: 'state', expected: 'open', found: 'committed' },
      ],
      [
        'two entries swapped',
        `update tollgate.entry set batch = 9 where tenant = TENANT and batch = 1;
         update tollgate.entry set batch = 1 where tenant = TENANT and batch = 2;
         update tollgate.entry set batch = 2 where tenant = TENANT and batch = 9`,
        { table: 'chain', column: 'hash' },
      ],
      [
        'a changed amount',
        `update tollgate.entry set committed_cost = committed_cost - 1
          where tenant = TENANT and operation = 'commit'`,
        { table: 'chain', column: 'hash' },
      ],
      [
        'another request id in an entry',
        `update tollgate.entry set request_id = 'r' || request_id
          where tenant = TENANT and operation = 'commit'`,
        { table: 'chain', column: 'hash' },
      ],
      [
        'a changed line of an account in the chain',
        `update tollgate.chain set accounts = accounts[1:1] where tenant = TENANT and batch = 2`,
        { table: 'chain', column: 'hash' },
      ],
      [
        'a batch missing in the middle',
        `delete from tollgate.chain where tenant = TENANT and batch = 2`,
        { table: 'chain', column: 'batch', found: 'none' },
      ],
      [
        'a last batch missing',
        `delete from tollgate.chain where tenant = TENANT and batch = 3`,
        { table: 'chain_head', column: 'batch', expected: '2', found: '3' },
      ],
      [
        'an entry without its reservation',
        'delete from tollgate.reservation where tenant = TENANT and reservation_id = KEPT',
        { table: 'reservation', expected: '1 held', found: '0 kept' },
      ],
      [
        'an account that is gone',
        `delete from tollgate.account where tenant = TENANT and budget_id = 'team'`,
        { table: 'account', column: 'account_id', found: 'none' },
      ],
      [
        'a changed reservation',
        `update tollgate.reservation set held_cost = 1
          where tenant = TENANT and reservation_id = KEPT`,
        { table: 'reservation', column: 'held_cost', expected: '1000000', found: '1' },
      ],
      [
        'a reservation moved to other accounts',
        `update tollgate.reservation set account_keys = account_keys[1:1]
          where tenant = TENANT and reservation_id = KEPT`,
        { table: 'reservation', column: 'account_keys' },
      ],
      [
        'a record that is gone',
        `delete from tollgate.lineage where tenant = TENANT and reservation_id = KEPT`,
        { table: 'lineage', found: 'none' },
      ],
    ];
    it.each(damages)('%s', async (_, sql, discrepancy) => {
      await tamper(sql);
      expect(await found()).toMatchObject(discrepancy);
    });

    describe('alerts and what is carried', () => {
      const MONTH = accountOf({
        budgetId: 'month',
        period: 'monthly',
        rollover: { costMicroUsd: 5_000_000n },
        alertPerMille: [100, 500],
      });

      beforeEach(async () => {
        const over = holdOf(tenant, [MONTH]);
        as('held', await stores.ledger.hold(over));
        as('settled', await stores.ledger.commit(commitOf(over, { costMicroUsd: 6_000_000n })));
        fixture.clock.advance(31 * DAY_MS);
        as('held', await stores.ledger.hold(holdOf(tenant, [MONTH])));
        fixture.clock.set(START_MS);
        expect(await stores.verify({ tenant })).toMatchObject({
          kind: 'ok',
          alerts: 3,
          carries: 1,
        });
      });

      it.each<readonly [string, string, Partial<Discrepancy>]>([
        [
          'a threshold that was told and is gone',
          `delete from tollgate.outbox where tenant = TENANT and event_key like '%@500'`,
          { table: 'account', column: 'alerted', expected: '100', found: '500' },
        ],
        [
          'a threshold that was never told',
          `delete from tollgate.outbox where tenant = TENANT and event_key like '%@500';
           update tollgate.account set alerted = 100 where tenant = TENANT and alerted = 500`,
          { table: 'outbox', expected: 'told', found: 'not told' },
        ],
        [
          'an overrun that was told and is gone',
          `delete from tollgate.outbox where tenant = TENANT and kind = 'budget.overrun'`,
          { table: 'outbox', expected: '5000000', found: '0' },
        ],
        [
          'a micro-dollar too much carried',
          `update tollgate.account set carried_cost = carried_cost - 1
            where tenant = TENANT and predecessor is not null`,
          { table: 'account', column: 'carried_cost', expected: '4000000', found: '3999999' },
        ],
        [
          'a rest that was not passed on',
          `update tollgate.account set passed_on_cost = 0
            where tenant = TENANT and successor is not null`,
          { table: 'account', column: 'passed_on_cost', expected: '4000000', found: '0' },
        ],
      ])('%s', async (_, sql, discrepancy) => {
        await tamper(sql);
        expect(await found()).toMatchObject(discrepancy);
      });
    });
  });
}
