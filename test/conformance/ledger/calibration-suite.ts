import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Recalibration } from '../../../src/decision/usage.ts';
import { calibrationsOf, type Calibration } from '../../../src/pricing/calibration.ts';
import type { Price } from '../../../src/pricing/price.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import { accountOf, as, commitOf, expectVerified, holdOf, START_MS, usd } from './requests.ts';

const ENOUGH = 100;

/** What the price table said $1 about; the buffer is on top. */
const PRICE: Price = {
  baseMicroUsd: usd(1),
  bufferMicroUsd: usd(0.2),
  totalMicroUsd: usd(1.2),
  tableVersion: 'v1',
};

/** How far estimates are off, by what the ledger knows of the calls (requirement R52). */
export function describeCalibration(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`calibration on ${name}`, () => {
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

    const calls = async (count: number, price: Price, dollars: number): Promise<void> => {
      const accounts = [accountOf({ caps: {} })];
      const holds = Array.from({ length: count }, () =>
        holdOf(tenant, accounts, { decision: { price }, amounts: { costMicroUsd: usd(1.2) } }),
      );
      await Promise.all(holds.map((one) => stores.ledger.hold(one)));
      await Promise.all(
        holds.map(async (one) => {
          const commit = commitOf(one, { costMicroUsd: usd(dollars) });
          as('settled', await stores.ledger.commit(commit));
        }),
      );
    };
    const rollUp = async (): Promise<readonly Recalibration[]> => {
      const changed: Recalibration[] = [];
      for (;;) {
        const outcome = await stores.sums.rollUp(1_000);
        if ('kind' in outcome) throw new Error(outcome.problem);
        changed.push(...outcome.recalibrated);
        if (outcome.batchesBehind === 0) return changed;
      }
    };
    const known = async (): Promise<Calibration | undefined> => {
      const found = await stores.sums.calibrations(10, tenant);
      if ('kind' in found) throw new Error(found.problem);
      return found[0];
    };

    it('R52 finds a factor once a hundred calls are off by more than 15 %', async () => {
      await calls(ENOUGH - 1, PRICE, 1.5);
      expect(await rollUp()).toEqual([]);
      expect(await known()).toMatchObject({
        agent: 'copilot',
        tableVersion: 'v1',
        factorPerMille: 1000n,
        calls: 99,
        estimatedMicroUsd: usd(99),
        actualMicroUsd: usd(148.5),
      });
      await calls(1, PRICE, 1.5);
      expect(await rollUp()).toEqual([
        { tenant, agent: 'copilot', beforePerMille: 1000, afterPerMille: 1500, calls: 100 },
      ]);
      expect(await known()).toMatchObject({ factorPerMille: 1500n, calls: 0 });
      // Whatever factor the next calls were priced with: the table said the same of them.
      await calls(ENOUGH, PRICE, 1.5);
      await calls(ENOUGH, { ...PRICE, totalMicroUsd: usd(1.8) }, 1.5);
      expect(await rollUp()).toEqual([]);
      expect(await known()).toMatchObject({ factorPerMille: 1500n });
    });

    it.each([
      ['15 % more', 1.15, []],
      ['15 % less', 0.85, []],
      ['a little more than 15 %', 1.151, [1151]],
      ['nothing', 0, [250]],
      ['ten times as much', 10, [4000]],
    ])('R52 %s', async (_, dollars, factors) => {
      await calls(ENOUGH, PRICE, dollars);
      expect((await rollUp()).map(({ afterPerMille }) => afterPerMille)).toEqual(factors);
    });

    it('a cost that the caller named says nothing of the price table', async () => {
      await calls(ENOUGH, { ...PRICE, bufferMicroUsd: 0n, tableVersion: '' }, 9);
      expect(await rollUp()).toEqual([]);
      expect(await known()).toBeUndefined();
    });

    it('another price table begins anew, and a factor holds for its own alone', async () => {
      await calls(ENOUGH, PRICE, 2);
      await rollUp();
      const factors = calibrationsOf([(await known())!]);
      expect(factors.factorPerMille(tenant, 'copilot', 'v1')).toBe(2000n);
      expect(factors.factorPerMille(tenant, 'copilot', 'v2')).toBe(1000n);
      expect(factors.factorPerMille('other', 'copilot', 'v1')).toBe(1000n);
      for (const [tableVersion, told] of [
        ['Zürich \\ 2', 'Zürich \\ 2'],
        ['v"2}', 'v\\'],
      ] as const) {
        await calls(1, { ...PRICE, tableVersion }, 2);
        expect(await rollUp()).toEqual([]);
        const fresh = { tableVersion: told, factorPerMille: 1000n, calls: 1 };
        expect(await known()).toMatchObject(fresh);
      }
    });

    it('after a thousand calls the older ones count half', async () => {
      await calls(1_000, PRICE, 1);
      await rollUp();
      expect(await known()).toMatchObject({ calls: 500, estimatedMicroUsd: usd(500) });
    });
  });
}
