import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { AccountSpec } from '../../../src/budgets/account.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import {
  accountOf,
  amountsOf,
  as,
  commitOf,
  expectVerified,
  holdOf,
  releaseOf,
  START_MS,
  usd,
} from './requests.ts';

const ALERTS = [500, 750, 800, 900, 950, 1000];

/** What the ledger has to tell others, in the transaction that made it true. */
export function describeAlerts(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`alerts on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
    });
    beforeEach(() => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
      return () => expectVerified(stores, tenant);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    const told = async (kind: string): Promise<readonly Record<string, unknown>[]> => {
      const rows = await fixture.sql.query<{ payload: Record<string, unknown> }>(
        'select payload from tollgate.outbox where tenant = $1 and kind = $2 order by seq',
        [tenant, kind],
      );
      return rows.map(({ payload }) => payload);
    };
    const thresholds = async () => (await told('budget.threshold')).map(({ perMille }) => perMille);
    const month = (change: Partial<AccountSpec> = {}): AccountSpec =>
      accountOf({
        budgetId: 'org-month',
        period: 'monthly',
        caps: { costMicroUsd: usd(100) },
        alertPerMille: ALERTS,
        ...change,
      });
    const hold = async (dollars: number, account = month()) => {
      const request = holdOf(tenant, [account], { amounts: { costMicroUsd: usd(dollars) } });
      as('held', await stores.ledger.hold(request));
      return request;
    };

    it('R11 each threshold is told once, when held and committed money reach it', async () => {
      await hold(49.999999);
      expect(await thresholds()).toEqual([]);
      await hold(0.000001);
      expect(await thresholds()).toEqual([500]);
      await hold(30);
      expect(await thresholds()).toEqual([500, 750, 800]);
      await hold(20);
      expect(await thresholds()).toEqual(ALERTS);
    });

    it('R11 what falls below a threshold and reaches it again is told nothing more', async () => {
      const request = await hold(80);
      await stores.ledger.release(releaseOf(request));
      await hold(80);
      expect(await thresholds()).toEqual([500, 750, 800]);
    });

    it('R11 the next period tells its own', async () => {
      await hold(60);
      fixture.clock.set(Date.UTC(2026, 11, 5));
      await hold(60);
      expect(await told('budget.threshold')).toMatchObject([
        { account: 'org-month/organization:acme/2026-11-01', perMille: 500 },
        { account: 'org-month/organization:acme/2026-12-01', perMille: 500 },
      ]);
    });

    it('R11 tells account, owner, metric, use and cap', async () => {
      const account = month({ caps: { costMicroUsd: usd(100), invocations: 2n } });
      await hold(1, account);
      expect(await told('budget.threshold')).toEqual([
        {
          account: 'org-month/organization:acme/2026-11-01',
          budgetId: 'org-month',
          owner: 'organization:acme',
          perMille: 500,
          metric: 'invocations',
          used: '1',
          cap: '2',
          periodStartMs: Date.UTC(2026, 10, 1),
          periodEndMs: Date.UTC(2026, 11, 1),
        },
      ]);
    });

    it('R11 of a batch that reaches several each is told once, and by two processes too', async () => {
      const other = fixture.open();
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => {
          const amounts = amountsOf({ costMicroUsd: usd(1) });
          const request = holdOf(tenant, [month()], { amounts });
          return (index % 2 ? stores : other).ledger.hold(request);
        }),
      );
      expect(await thresholds()).toEqual(ALERTS);
    });

    it('R9 a soft budget tells its thresholds and what is above them', async () => {
      await hold(250, month({ soft: true }));
      expect(await thresholds()).toEqual(ALERTS);
    });

    it('X6 an overrun is told with what it cost more', async () => {
      const request = await hold(10);
      as('settled', await stores.ledger.commit(commitOf(request, { costMicroUsd: usd(12.5) })));
      expect(await told('budget.overrun')).toEqual([
        {
          reservationId: request.reservationId,
          decisionId: request.record.decision.decisionId,
          overrunMicroUsd: '2500000',
        },
      ]);
    });

    it('a denied call tells nothing', async () => {
      await hold(40);
      const request = holdOf(tenant, [month()], { amounts: { costMicroUsd: usd(70) } });
      as('denied', await stores.ledger.hold(request));
      expect(await thresholds()).toEqual([]);
    });
  });
}
