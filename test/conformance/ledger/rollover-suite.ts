import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { AccountSpec } from '../../../src/budgets/account.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import { accountOf, as, commitOf, expectVerified, extendOf, holdOf, usd } from './requests.ts';

const NOVEMBER = Date.UTC(2026, 10, 10);
const DECEMBER = Date.UTC(2026, 11, 10);
const JANUARY = Date.UTC(2027, 0, 10);
const DAY_MS = 86_400_000;

/** What a period leaves for the next. $100 a month, of which at most $30 are carried. */
export function describeRollover(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`rollover on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
    });
    beforeEach(() => {
      fixture.clock.set(NOVEMBER);
      tenant = randomUUID();
      return () => expectVerified(stores, tenant);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    const month = (change: Partial<AccountSpec> = {}): AccountSpec =>
      accountOf({
        budgetId: 'org-month',
        period: 'monthly',
        caps: { costMicroUsd: usd(100) },
        rollover: { costMicroUsd: usd(30) },
        ...change,
      });
    const hold = (dollars: number, account = month()) => {
      const request = holdOf(tenant, [account], {
        amounts: { costMicroUsd: usd(dollars) },
        holdForMs: 90 * DAY_MS,
      });
      return { request, outcome: stores.ledger.hold(request) };
    };
    const spend = async (dollars: number, account = month()): Promise<void> => {
      const { request, outcome } = hold(dollars, account);
      as('held', await outcome);
      const commit = commitOf(request, { costMicroUsd: usd(dollars) });
      as('settled', await stores.ledger.commit(commit));
    };
    /** Cap in force and what of it was carried, in dollars. */
    const standing = async (account = month()) => {
      const read = await stores.ledger.read(tenant, [account]);
      if ('kind' in read) throw new Error(read.kind);
      const [reading] = read;
      return {
        cap: Number(reading?.caps.costMicroUsd) / 1e6,
        carried: Number(reading?.carried.costMicroUsd ?? 0n) / 1e6,
      };
    };

    it('R8 without rollover every period starts anew', async () => {
      const account = month({ rollover: {} });
      await spend(10, account);
      fixture.clock.set(DECEMBER);
      expect(await standing(account)).toEqual({ cap: 100, carried: 0 });
    });

    it('R8 what is left is carried, up to the cap of the rollover', async () => {
      await spend(90);
      fixture.clock.set(DECEMBER);
      expect(await standing()).toEqual({ cap: 110, carried: 10 });
      as('held', await hold(110).outcome);
      as('denied', await hold(0.000001).outcome);

      fixture.clock.set(JANUARY);
      expect(await standing()).toEqual({ cap: 100, carried: 0 });
    });

    it('R8 much that is left is carried only as far as the cap allows', async () => {
      await spend(20);
      fixture.clock.set(DECEMBER);
      expect(await standing()).toEqual({ cap: 130, carried: 30 });
    });

    it('R8 idle periods do not compound beyond the cap', async () => {
      await spend(100);
      fixture.clock.set(Date.UTC(2027, 5, 10));
      expect(await standing()).toEqual({ cap: 130, carried: 30 });
      as('held', await hold(130).outcome);
      as('denied', await hold(1).outcome);
    });

    it('R8 an open hold counts as spent; what it gives back later is carried then', async () => {
      const { request, outcome } = hold(100);
      as('held', await outcome);
      fixture.clock.set(DECEMBER);
      expect(await standing()).toEqual({ cap: 100, carried: 0 });
      await spend(1);
      as('settled', await stores.ledger.commit(commitOf(request, { costMicroUsd: usd(80) })));
      expect(await standing()).toEqual({ cap: 120, carried: 20 });
    });

    it('R8 a hold decided together with what is given back sees what is carried', async () => {
      const { request, outcome } = hold(100);
      as('held', await outcome);
      fixture.clock.set(DECEMBER);
      await spend(100);
      const [held, settled] = await Promise.all([
        hold(20).outcome,
        stores.ledger.commit(commitOf(request, { costMicroUsd: usd(80) })),
      ]);
      expect([held.kind, settled.kind]).toEqual(['held', 'settled']);
      expect(await standing()).toEqual({ cap: 120, carried: 20 });
    });

    it('R8 what is given back is carried through the periods that were opened since', async () => {
      const { request, outcome } = hold(100);
      as('held', await outcome);
      fixture.clock.set(DECEMBER);
      await spend(95);
      fixture.clock.set(JANUARY);
      await spend(1);
      expect(await standing()).toEqual({ cap: 105, carried: 5 });
      as('settled', await stores.ledger.commit(commitOf(request, { costMicroUsd: usd(90) })));
      expect(await standing()).toEqual({ cap: 115, carried: 15 });
    });

    it('X6 an overrun after the period takes back what was carried', async () => {
      const { request, outcome } = hold(80);
      as('held', await outcome);
      fixture.clock.set(DECEMBER);
      await spend(1);
      expect(await standing()).toEqual({ cap: 120, carried: 20 });
      as('settled', await stores.ledger.commit(commitOf(request, { costMicroUsd: usd(95) })));
      expect(await standing()).toEqual({ cap: 105, carried: 5 });
    });

    it('R8 what was carried cannot be spent in the old period as well', async () => {
      const { request, outcome } = hold(90);
      as('held', await outcome);
      fixture.clock.set(DECEMBER);
      as('held', await hold(110).outcome);
      const extended = await stores.ledger.extend(
        extendOf(request, { costMicroUsd: usd(1), inputTokens: 0n, outputTokens: 0n }),
      );
      expect(extended).toMatchObject({ kind: 'denied', cause: 'short' });
    });

    it('R8 days and weeks roll over too, in the zone of the budget', async () => {
      const daily = month({
        budgetId: 'day',
        period: 'daily',
        timeZone: 'America/New_York',
        caps: { costMicroUsd: usd(10) },
        rollover: { costMicroUsd: usd(5) },
      });
      fixture.clock.set(Date.UTC(2026, 9, 31, 20));
      await spend(8, daily);
      // The clocks of New York go back on 1 November: the day has 25 hours.
      fixture.clock.set(Date.UTC(2026, 10, 1, 20));
      expect(await standing(daily)).toEqual({ cap: 12, carried: 2 });
      await spend(12, daily);
      fixture.clock.set(Date.UTC(2026, 10, 2, 5));
      expect(await standing(daily)).toEqual({ cap: 10, carried: 0 });
    });
  });
}
