import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { HoldRequest } from '../../../src/decision/ports.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { Discrepancy } from '../../../src/stores/postgres/discrepancy.ts';
import type { LedgerFixture } from './fixtures.ts';
import { accountOf, as, commitOf, holdOf, START_MS, recordOf } from './requests.ts';
import { rowsOf } from '../../support/record-rows.ts';

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
        sums: 0,
        checkpoints: 0,
        unknownKeys: 0,
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
    const ofKept = `tenant = TENANT and reservation_id = KEPT`;
    const recordDamages: readonly (readonly [string, string, Partial<Discrepancy>])[] = [
      [
        'a byte changed in a record',
        `update tollgate.lineage set detail = replace(detail, 'copilot', 'copilou') where ${ofKept}`,
        { table: 'lineage', column: 'record' },
      ],
      [
        'another reason code in what a record is found by',
        `update tollgate.lineage set reason_codes = '{policy.denied}' where ${ofKept}`,
        { table: 'lineage', column: 'record' },
      ],
      [
        'a moved moment of a decision',
        `update tollgate.lineage set decided_at = decided_at + interval '1 ms' where ${ofKept}`,
        { table: 'lineage', column: 'record' },
      ],
      [
        'two records swapped',
        `update tollgate.lineage l set detail = o.detail from tollgate.lineage o
          where l.tenant = TENANT and o.tenant = TENANT and l.decision_id <> o.decision_id`,
        { table: 'lineage', column: 'record' },
      ],
      [
        'a record that nobody decided',
        `insert into tollgate.lineage select tenant, 'dec_forged', request_id, operation, decided_at,
            agent, team, user_id, effect, reason_codes, reservation_id, trace_id, detail
          from tollgate.lineage where ${ofKept}`,
        {
          table: 'lineage',
          column: 'record',
          expected: 'none',
          found: 'a record that is in no chain',
        },
      ],
      [
        'a record gone from the chain and the table',
        `update tollgate.chain set records = '{}' where tenant = TENANT;
         delete from tollgate.lineage where ${ofKept}`,
        { table: 'chain', column: 'hash' },
      ],
    ];
    it.each(recordDamages)('X12 %s', async (_, sql, discrepancy) => {
      await tamper(sql);
      expect(await found()).toMatchObject(discrepancy);
    });

    it('X12 R71 a record of a decision that holds nothing is in the chain as well', async () => {
      const record = recordOf(tenant, { operation: 'authorize' });
      const { decisionId } = record.decision;
      expect(await stores.lineage.append(rowsOf(record))).toBe('appended');
      expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok', batches: 4, records: 3 });
      await tamper(`delete from tollgate.lineage where decision_id = '${decisionId}'`);
      expect(await found()).toMatchObject({ table: 'lineage', key: `${tenant}/${decisionId}` });
    });

    it.each(damages)('%s', async (_, sql, discrepancy) => {
      await tamper(sql);
      expect(await found()).toMatchObject(discrepancy);
    });

    describe('sums of usage', () => {
      beforeEach(async () => {
        await stores.sums.rollUp(10_000);
        expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok', sums: 2 });
      });

      it.each<readonly [string, string, Partial<Discrepancy>]>([
        [
          'a changed sum',
          `update tollgate.usage set committed_cost = committed_cost - 1
            where tenant = TENANT and span = 'day'`,
          { table: 'usage', column: 'committed_cost', expected: '1000000', found: '999999' },
        ],
        [
          'a changed estimate',
          `update tollgate.usage set estimated_cost = 1 where tenant = TENANT and span = 'hour'`,
          { table: 'usage', column: 'estimated_cost', expected: '1000000', found: '1' },
        ],
        [
          'a sum that is gone',
          `delete from tollgate.usage where tenant = TENANT and span = 'hour'`,
          { table: 'usage', column: 'charges', expected: '1', found: '0' },
        ],
        [
          'a sum of nothing',
          `insert into tollgate.usage select u.tenant, u.span, u.start - interval '1 hour', u.key,
              u.agent, u.team, u.user_id, u.provider, u.model, 1, 5, 0, 0, 1, 1, 1, 5, 0, 0, 5, 0, 0
            from tollgate.usage u where u.tenant = TENANT and u.span = 'hour'`,
          { table: 'usage', column: 'charges', expected: '0', found: '1' },
        ],
        [
          'a sum of another agent',
          `update tollgate.usage set agent = 'crm' where tenant = TENANT and span = 'day'`,
          { table: 'usage', column: 'agent', expected: 'copilot', found: 'crm' },
        ],
        [
          'a head that was moved back',
          `update tollgate.usage_head set batch = batch - 1 where tenant = TENANT;
           update tollgate.usage_head h set at = c.at from tollgate.chain c
             where h.tenant = TENANT and c.tenant = h.tenant and c.batch = h.batch`,
          { table: 'usage', column: 'charges', expected: '0', found: '1' },
        ],
        [
          'a head that was moved past the last batch',
          'update tollgate.usage_head set batch = batch + 1 where tenant = TENANT',
          { table: 'usage_head', column: 'batch', expected: 'at most 3', found: '4' },
        ],
        [
          'a head that is gone',
          'delete from tollgate.usage_head where tenant = TENANT',
          { table: 'usage', column: 'charges', expected: '0', found: '1' },
        ],
        [
          'a head of another moment',
          `update tollgate.usage_head set at = at + interval '1 minute' where tenant = TENANT`,
          { table: 'usage_head', column: 'at' },
        ],
      ])('%s', async (_, sql, discrepancy) => {
        await tamper(sql);
        expect(await found()).toMatchObject(discrepancy);
      });

      it('a head that was moved forward over a charge', async () => {
        as('settled', await stores.ledger.commit(commitOf(kept)));
        await tamper('update tollgate.usage_head set batch = batch + 1 where tenant = TENANT');
        expect(await found()).toMatchObject({ table: 'usage', expected: '2', found: '1' });
      });

      it('since a moment only hours and days that began since then', async () => {
        await tamper('update tollgate.usage set charges = 9 where tenant = TENANT');
        const later = { tenant, sinceMs: START_MS + 1 };
        expect(await stores.verify(later)).toMatchObject({ kind: 'ok', sums: 0 });
        const hour = await stores.verify({ tenant, sinceMs: START_MS });
        expect(hour).toMatchObject({ discrepancy: { table: 'usage', found: '9' } });
      });
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
