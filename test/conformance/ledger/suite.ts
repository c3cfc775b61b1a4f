import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { randomUUID } from 'node:crypto';

import type { BudgetLedger } from '../../../src/decision/ports.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import {
  accountOf,
  amountsOf,
  as,
  commitOf,
  costsOf,
  expectVerified,
  extendOf,
  holdOf,
  MINUTE_MS,
  readCosts,
  releaseOf,
  START_MS,
  tally,
  usd,
} from './requests.ts';

/** The contract of BudgetLedger. After every test the books are recomputed from the entries. */
export function describeLedger(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`ledger on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let ledger: BudgetLedger;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
      ({ ledger } = stores);
    });
    beforeEach(() => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
      return () => expectVerified(stores, tenant);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    describe('admission', () => {
      it('P7 X2 100 concurrent calls of $1 on a hard budget of $10: exactly 10', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 100 }, () => ledger.hold(holdOf(tenant))),
        );
        expect(tally(outcomes)).toEqual({ held: 10, denied: 90 });
        expect(await readCosts(ledger, tenant)).toEqual([{ held: usd(10), committed: 0n }]);
      });

      it('P15 $0.30 at $0.10 a call admits 3', async () => {
        const account = accountOf({ caps: { costMicroUsd: usd(0.3) } });
        const hold = () =>
          ledger.hold(holdOf(tenant, [account], { amounts: { costMicroUsd: usd(0.1) } }));
        const outcomes = [await hold(), await hold(), await hold(), await hold()];
        expect(outcomes.map(({ kind }) => kind)).toEqual(['held', 'held', 'held', 'denied']);
      });

      it('P15 a cap of 0 denies every call, also one that uses nothing of it', async () => {
        for (const caps of [
          { costMicroUsd: 0n },
          { inputTokens: 0n },
          { outputTokens: 0n },
          { totalTokens: 0n },
          { invocations: 0n },
        ]) {
          const account = accountOf({ budgetId: Object.keys(caps).join(), caps });
          const free = { amounts: { costMicroUsd: 0n } };
          as('denied', await ledger.hold(holdOf(tenant, [account], free)));
          as(
            'denied',
            await ledger.hold(holdOf(tenant, [account], { ...free, acceptPartial: true })),
          );
        }
      });

      it('R9 exactly 100 % fits, one micro-dollar more does not', async () => {
        as(
          'held',
          await ledger.hold(holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(9) } })),
        );
        const over = { amounts: { costMicroUsd: usd(1) + 1n } };
        as('denied', await ledger.hold(holdOf(tenant, undefined, over)));
        as('held', await ledger.hold(holdOf(tenant)));
      });

      it('R9 a soft account is charged past its cap and says so in its reading', async () => {
        const soft = accountOf({ soft: true });
        const outcome = await ledger.hold(
          holdOf(tenant, [soft], { amounts: { costMicroUsd: usd(15) } }),
        );
        const [reading] = as('held', outcome).accounts;
        expect(reading).toMatchObject({ soft: true, held: { costMicroUsd: usd(15) } });
      });

      it.each([
        ['R4', 'inputTokens', { inputTokens: 40n }],
        ['R4', 'outputTokens', { outputTokens: 40n }],
        ['R4', 'totalTokens', { inputTokens: 15n, outputTokens: 25n }],
        ['R5', 'invocations', { invocations: 1n }],
        ['R3', 'costMicroUsd', { costMicroUsd: 40n }],
      ] as const)('%s a cap on %s bounds it alone', async (_row, metric, amounts) => {
        const cap = metric === 'invocations' ? 2n : 100n;
        const account = accountOf({ caps: { [metric]: cap } });
        const hold = () => ledger.hold(holdOf(tenant, [account], { amounts }));
        expect([(await hold()).kind, (await hold()).kind, (await hold()).kind]).toEqual([
          'held',
          'held',
          'denied',
        ]);
      });

      it('X1 a denial by one account charges none of the others', async () => {
        const accounts = [
          accountOf({ budgetId: 'user', owner: 'user:alice', depth: 3 }),
          accountOf({
            budgetId: 'team',
            owner: 'team:hr',
            depth: 2,
            caps: { costMicroUsd: usd(0.5) },
          }),
          accountOf(),
        ];
        const denied = as('denied', await ledger.hold(holdOf(tenant, accounts)));
        expect(denied.cause).toBe('short');
        expect(denied.amounts).toEqual(amountsOf());
        expect(denied.accounts.map(({ account }) => account)).toEqual([
          'user/user:alice/total',
          'team/team:hr/total',
          'org-total/organization:acme/total',
        ]);
        const nothing = { held: 0n, committed: 0n };
        expect(costsOf(denied.accounts)).toEqual([nothing, nothing, nothing]);
        expect(await readCosts(ledger, tenant, accounts)).toEqual([nothing, nothing, nothing]);
      });

      it('X7 readings in the order of the specs: after the hold when held, without it when denied', async () => {
        const accounts = [
          accountOf(),
          accountOf({ budgetId: 'user', owner: 'user:a|b/c', depth: 3 }),
        ];
        const held = as('held', await ledger.hold(holdOf(tenant, accounts)));
        expect(held.accounts[1]).toEqual({
          account: 'user/user:a|b/c/total',
          budgetId: 'user',
          owner: 'user:a|b/c',
          caps: { costMicroUsd: usd(10) },
          carried: {},
          soft: false,
          warnPerMille: 800,
          degradePerMille: 900,
          committed: amountsOf({ costMicroUsd: 0n, invocations: 0n }),
          held: amountsOf(),
        });
        const denied = await ledger.hold(
          holdOf(tenant, accounts, { amounts: { costMicroUsd: usd(10) } }),
        );
        expect(costsOf(as('denied', denied).accounts)[0]).toEqual({ held: usd(1), committed: 0n });
      });

      it('each of many calls decided together reads the accounts as they stand after itself', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, () => ledger.hold(holdOf(tenant))),
        );
        const held = outcomes.map((outcome) => costsOf(as('held', outcome).accounts)[0]?.held);
        expect(held.sort((a = 0n, b = 0n) => Number(a - b))).toEqual(
          Array.from({ length: 10 }, (_, index) => usd(index + 1)),
        );
      });

      it('a smaller call fits beside a larger one that does not, whatever else is decided with them', async () => {
        const sizes = [8, 5, 1, 4, 1, 1];
        const outcomes = await Promise.all(
          sizes.map((dollars) =>
            ledger.hold(holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(dollars) } })),
          ),
        );
        expect(outcomes.map(({ kind }) => kind)).toEqual([
          'held',
          'denied',
          'held',
          'denied',
          'held',
          'denied',
        ]);
      });

      it('a hold on no account is recorded and charged to nobody', async () => {
        const request = holdOf(tenant, []);
        const held = as('held', await ledger.hold(request));
        expect(held.reservation).toMatchObject({ accounts: [], held: amountsOf(), state: 'open' });
        as('settled', await ledger.commit(commitOf(request)));
      });

      it('the last configuration decides: a raised cap admits, a lowered one denies', async () => {
        as(
          'held',
          await ledger.hold(holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(10) } })),
        );
        as('denied', await ledger.hold(holdOf(tenant)));
        const raised = accountOf({ caps: { costMicroUsd: usd(11) }, warnPerMille: 500 });
        const held = as('held', await ledger.hold(holdOf(tenant, [raised])));
        expect(held.accounts[0]).toMatchObject({
          caps: { costMicroUsd: usd(11) },
          warnPerMille: 500,
        });
        as(
          'denied',
          await ledger.hold(holdOf(tenant, [accountOf({ caps: { costMicroUsd: usd(1) } })])),
        );
        const uncapped = accountOf({ caps: {} });
        as('held', await ledger.hold(holdOf(tenant, [uncapped])));
      });

      it('R8 a request that names an account twice is a defect', async () => {
        await expect(ledger.hold(holdOf(tenant, [accountOf(), accountOf()]))).rejects.toThrow(
          'twice',
        );
      });

      it('one call that the database refuses does not take its neighbours with it', async () => {
        const bad = holdOf(tenant, [accountOf({ budgetId: 'bad', timeZone: 'Mars/Olympus' })]);
        const [refused, ...others] = await Promise.allSettled([
          ledger.hold(bad),
          ...Array.from({ length: 5 }, () => ledger.hold(holdOf(tenant))),
        ]);
        expect(refused.status).toBe('rejected');
        expect(others.map((other) => other.status === 'fulfilled' && other.value.kind)).toEqual(
          Array(5).fill('held'),
        );
      });
    });

    describe('partial holds', () => {
      const partial = { acceptPartial: true };

      it('X8 holds what is left of money and output tokens', async () => {
        const accounts = [
          accountOf({ caps: { costMicroUsd: usd(3), outputTokens: 500n } }),
          accountOf({ budgetId: 'team', owner: 'team:hr', depth: 1, caps: { totalTokens: 300n } }),
        ];
        const amounts = { costMicroUsd: usd(5), inputTokens: 100n, outputTokens: 900n };
        const request = holdOf(tenant, accounts, { ...partial, amounts });
        const held = as('held', await ledger.hold(request));
        const given = {
          costMicroUsd: usd(3),
          inputTokens: 100n,
          outputTokens: 200n,
          invocations: 1n,
        };
        expect(held.reservation.held).toEqual(given);
        expect(held.accounts[0]?.held).toEqual(given);
        as('denied', await ledger.hold(holdOf(tenant, accounts, { ...partial, amounts })));
      });

      it('X8 holds the whole estimate when it fits', async () => {
        const held = as('held', await ledger.hold(holdOf(tenant, undefined, partial)));
        expect(held.reservation.held).toEqual(amountsOf());
      });

      it('X8 denies when no micro-dollar, no call or too few input tokens are left', async () => {
        const amounts = { costMicroUsd: usd(10) };
        as('held', await ledger.hold(holdOf(tenant, undefined, { amounts })));
        as('denied', await ledger.hold(holdOf(tenant, undefined, partial)));
        const called = accountOf({ budgetId: 'calls', caps: { invocations: 1n } });
        as('held', await ledger.hold(holdOf(tenant, [called])));
        as('denied', await ledger.hold(holdOf(tenant, [called], partial)));
        const input = accountOf({ budgetId: 'input', caps: { inputTokens: 9n } });
        const tokens = { ...partial, amounts: { inputTokens: 10n } };
        as('denied', await ledger.hold(holdOf(tenant, [input], tokens)));
      });

      it('X8 of many at once the last one gets the rest', async () => {
        const amounts = { costMicroUsd: usd(4) };
        const outcomes = await Promise.all(
          Array.from({ length: 5 }, () =>
            ledger.hold(holdOf(tenant, undefined, { ...partial, amounts })),
          ),
        );
        const given = outcomes.flatMap((outcome) =>
          outcome.kind === 'held' ? [outcome.reservation.held.costMicroUsd] : [],
        );
        expect(given).toEqual([usd(4), usd(4), usd(2)]);
      });
    });

    describe('periods', () => {
      const periodOf = async (change: Parameters<typeof accountOf>[0], atMs: number) => {
        fixture.clock.set(atMs);
        const [reading] = as(
          'held',
          await ledger.hold(holdOf(tenant, [accountOf(change)])),
        ).accounts;
        return {
          account: reading?.account.split('/').at(-1),
          start: reading?.periodStartMs && new Date(reading.periodStartMs).toISOString(),
          end: reading?.periodEndMs && new Date(reading.periodEndMs).toISOString(),
        };
      };

      it('R6 a day is a day in the zone of the budget, 23 or 25 hours at a change of its clocks', async () => {
        const berlin = { period: 'daily', timeZone: 'Europe/Berlin', caps: {} } as const;
        expect(await periodOf(berlin, Date.UTC(2026, 2, 28, 23, 30))).toEqual({
          account: '2026-03-29',
          start: '2026-03-28T23:00:00.000Z',
          end: '2026-03-29T22:00:00.000Z',
        });
        expect(await periodOf(berlin, Date.UTC(2026, 9, 25, 22, 59))).toEqual({
          account: '2026-10-25',
          start: '2026-10-24T22:00:00.000Z',
          end: '2026-10-25T23:00:00.000Z',
        });
        expect(await periodOf(berlin, Date.UTC(2026, 9, 25, 23))).toMatchObject({
          account: '2026-10-26',
        });
      });

      it('R6 a week begins on Monday, ISO 8601, also across the new year', async () => {
        const weekly = { period: 'weekly', timeZone: 'Asia/Kolkata', caps: {} } as const;
        expect(await periodOf(weekly, Date.UTC(2027, 0, 3, 18, 29))).toEqual({
          account: '2026-12-28',
          start: '2026-12-27T18:30:00.000Z',
          end: '2027-01-03T18:30:00.000Z',
        });
        expect(await periodOf(weekly, Date.UTC(2027, 0, 3, 18, 30))).toMatchObject({
          account: '2027-01-04',
        });
      });

      it('R6 a month is a month of the calendar; total never ends', async () => {
        const monthly = { period: 'monthly', timeZone: 'America/New_York', caps: {} } as const;
        expect(await periodOf(monthly, Date.UTC(2028, 2, 1, 4, 59))).toEqual({
          account: '2028-02-01',
          start: '2028-02-01T05:00:00.000Z',
          end: '2028-03-01T05:00:00.000Z',
        });
        expect(await periodOf({}, START_MS)).toEqual({
          account: 'total',
          start: undefined,
          end: undefined,
        });
      });

      it('R6 a new period has the whole cap; a hold is settled in the period it was taken in', async () => {
        const daily = accountOf({ period: 'daily' });
        const request = holdOf(tenant, [daily], { amounts: { costMicroUsd: usd(10) } });
        as('held', await ledger.hold(request));
        as('denied', await ledger.hold(holdOf(tenant, [daily])));
        fixture.clock.set(Date.UTC(2026, 10, 19));
        as('held', await ledger.hold(holdOf(tenant, [daily])));
        const settled = as(
          'settled',
          await ledger.commit(commitOf(request, { costMicroUsd: usd(7) })),
        );
        expect(settled.accounts[0]).toMatchObject({
          account: 'org-total/organization:acme/2026-11-18',
          committed: { costMicroUsd: usd(7) },
          held: { costMicroUsd: 0n },
        });
        expect(await readCosts(ledger, tenant, [daily])).toEqual([{ held: usd(1), committed: 0n }]);
      });

      it('R7 a daily spike cap beside a monthly budget: both are charged, the tighter one denies', async () => {
        const accounts = [
          accountOf({ budgetId: 'spike', period: 'daily', caps: { costMicroUsd: usd(2) } }),
          accountOf({ budgetId: 'month', period: 'monthly' }),
        ];
        const amounts = { costMicroUsd: usd(2) };
        as('held', await ledger.hold(holdOf(tenant, accounts, { amounts })));
        as('denied', await ledger.hold(holdOf(tenant, accounts, { amounts })));
        fixture.clock.set(Date.UTC(2026, 10, 19));
        const held = as('held', await ledger.hold(holdOf(tenant, accounts, { amounts })));
        expect(costsOf(held.accounts).map(({ held: cost }) => cost)).toEqual([usd(2), usd(4)]);
      });
    });

    describe('settlement', () => {
      it('R13 commit charges the actual and gives the rest of the hold back', async () => {
        const request = holdOf(tenant, undefined, {
          amounts: { costMicroUsd: usd(4), inputTokens: 9n },
        });
        await ledger.hold(request);
        const actual = { costMicroUsd: usd(1.5), inputTokens: 7n, outputTokens: 3n };
        const settled = as('settled', await ledger.commit(commitOf(request, actual)));
        expect(settled).toMatchObject({ replayed: false, late: false, overrunMicroUsd: 0n });
        expect(settled.reservation).toMatchObject({
          reservationId: request.reservationId,
          state: 'committed',
          held: amountsOf({ costMicroUsd: 0n, invocations: 0n }),
          committed: amountsOf(actual),
          accounts: ['org-total/organization:acme/total'],
          pricing: request.pricing,
        });
        expect(costsOf(settled.accounts)).toEqual([{ held: 0n, committed: usd(1.5) }]);
        expect(await ledger.reservation(tenant, request.reservationId)).toEqual(
          settled.reservation,
        );
      });

      it('X6 an overrun is charged in full and lowers later admission', async () => {
        const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(9) } });
        await ledger.hold(request);
        const settled = as(
          'settled',
          await ledger.commit(commitOf(request, { costMicroUsd: usd(12) })),
        );
        expect(settled.overrunMicroUsd).toBe(usd(3));
        expect(costsOf(settled.accounts)).toEqual([{ held: 0n, committed: usd(12) }]);
        as(
          'denied',
          await ledger.hold(holdOf(tenant, undefined, { amounts: { costMicroUsd: 1n } })),
        );
        as('denied', await ledger.hold(holdOf(tenant, undefined, { acceptPartial: true })));
        const raised = accountOf({ caps: { costMicroUsd: usd(13) } });
        as('held', await ledger.hold(holdOf(tenant, [raised])));
      });

      it('release gives the whole hold back, once, and only while it is open', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        const settled = as('settled', await ledger.release(releaseOf(request)));
        expect(settled.reservation).toMatchObject({ state: 'released' });
        expect(costsOf(settled.accounts)).toEqual([{ held: 0n, committed: 0n }]);
        expect(await ledger.release(releaseOf(request))).toEqual({
          kind: 'wrong_state',
          state: 'released',
        });
        expect(await ledger.commit(commitOf(request))).toEqual({
          kind: 'wrong_state',
          state: 'released',
        });
      });

      it('a second commit by another request changes nothing', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        await ledger.commit(commitOf(request));
        const again = await ledger.commit(commitOf(request, { costMicroUsd: usd(5) }));
        expect(again).toEqual({ kind: 'wrong_state', state: 'committed' });
        expect(await ledger.release(releaseOf(request))).toEqual({
          kind: 'wrong_state',
          state: 'committed',
        });
        expect(await readCosts(ledger, tenant)).toEqual([{ held: 0n, committed: usd(1) }]);
      });

      it('X3 of many settlements of one reservation at once exactly one has its effect', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        const outcomes = await Promise.all([
          ...Array.from({ length: 10 }, () => ledger.commit(commitOf(request))),
          ...Array.from({ length: 10 }, () => ledger.release(releaseOf(request))),
        ]);
        expect(tally(outcomes)).toEqual({ settled: 1, wrong_state: 19 });
      });

      it('what is settled makes room for what is asked for at the same moment', async () => {
        const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(10) } });
        await ledger.hold(request);
        const next = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(9) } });
        const [held] = await Promise.all([ledger.hold(next), ledger.commit(commitOf(request))]);
        expect(held.kind).toBe('held');
      });

      it('a reservation that nobody made is not found', async () => {
        const request = holdOf(tenant);
        expect(await ledger.commit(commitOf(request))).toEqual({ kind: 'not_found' });
        expect(await ledger.release(releaseOf(request))).toEqual({ kind: 'not_found' });
        expect(await ledger.extend(extendOf(request, {}))).toEqual({ kind: 'not_found' });
        expect(await ledger.reservation(tenant, request.reservationId)).toEqual({
          kind: 'not_found',
        });
      });
    });

    describe('extension', () => {
      it('X8 more money is held in the accounts of the reservation', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        const held = as(
          'held',
          await ledger.extend(extendOf(request, { costMicroUsd: usd(2), outputTokens: 5n })),
        );
        expect(held.reservation.held).toEqual(
          amountsOf({ costMicroUsd: usd(3), outputTokens: 5n }),
        );
        expect(costsOf(held.accounts)).toEqual([{ held: usd(3), committed: 0n }]);
        await ledger.commit(commitOf(request, { costMicroUsd: usd(2.5) }));
        expect(await readCosts(ledger, tenant)).toEqual([{ held: 0n, committed: usd(2.5) }]);
      });

      it('X8 what does not fit is denied, and the reservation stays as it was', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        const denied = as(
          'denied',
          await ledger.extend(extendOf(request, { costMicroUsd: usd(9) + 1n })),
        );
        expect(denied).toMatchObject({ cause: 'short', amounts: { costMicroUsd: usd(9) + 1n } });
        expect(await ledger.reservation(tenant, request.reservationId)).toMatchObject({
          held: amountsOf(),
        });
        as('held', await ledger.extend(extendOf(request, { costMicroUsd: usd(9) })));
      });

      it('more time never shortens, and is given also where no money is left', async () => {
        const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(10) } });
        await ledger.hold(request);
        const shorter = await ledger.extend(extendOf(request, {}, { holdForMs: MINUTE_MS }));
        expect(as('held', shorter).reservation.expiresAtMs).toBe(START_MS + 5 * MINUTE_MS);
        const longer = await ledger.extend(extendOf(request, {}, { holdForMs: 9 * MINUTE_MS }));
        expect(as('held', longer).reservation.expiresAtMs).toBe(START_MS + 9 * MINUTE_MS);
      });

      it('several extensions at once each answer with the reservation as it stands after itself', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        const outcomes = await Promise.all(
          [9, 7].map((minutes) =>
            ledger.extend(
              extendOf(request, { costMicroUsd: usd(1) }, { holdForMs: minutes * MINUTE_MS }),
            ),
          ),
        );
        const stands = outcomes.map((outcome) => as('held', outcome).reservation);
        expect(stands.map(({ held }) => held.costMicroUsd)).toEqual([usd(2), usd(3)]);
        expect(stands.map(({ expiresAtMs }) => expiresAtMs)).toEqual(
          Array(2).fill(START_MS + 9 * MINUTE_MS),
        );
      });

      it('a settled reservation cannot be extended', async () => {
        const request = holdOf(tenant);
        await ledger.hold(request);
        await ledger.commit(commitOf(request));
        const outcome = await ledger.extend(extendOf(request, { costMicroUsd: 1n }));
        expect(outcome).toEqual({ kind: 'wrong_state', state: 'committed' });
      });
    });

    describe('expiry', () => {
      /** The sweep is of all tenants: what other tests left open is swept away first. */
      beforeEach(async () => {
        fixture.clock.set(START_MS + 60 * MINUTE_MS);
        await ledger.expire(10_000);
        fixture.clock.set(START_MS);
      });

      it('X5 a hold whose time is over is presumed spent, and a late commit corrects it', async () => {
        const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(4) } });
        await ledger.hold(request);
        fixture.clock.advance(5 * MINUTE_MS - 1);
        expect(await ledger.expire(1_000)).toBe(0);
        fixture.clock.advance(1);
        expect(await ledger.expire(1_000)).toBe(1);
        expect(await ledger.expire(1_000)).toBe(0);
        expect(await readCosts(ledger, tenant)).toEqual([{ held: 0n, committed: usd(4) }]);
        expect(await ledger.reservation(tenant, request.reservationId)).toMatchObject({
          state: 'expired',
        });
        expect(await ledger.release(releaseOf(request))).toEqual({
          kind: 'wrong_state',
          state: 'expired',
        });
        expect(await ledger.extend(extendOf(request, {}))).toEqual({
          kind: 'wrong_state',
          state: 'expired',
        });
        const late = as(
          'settled',
          await ledger.commit(commitOf(request, { costMicroUsd: usd(5) })),
        );
        expect(late).toMatchObject({
          late: true,
          overrunMicroUsd: usd(1),
          reservation: { state: 'committed' },
        });
        expect(costsOf(late.accounts)).toEqual([{ held: 0n, committed: usd(5) }]);
        expect(await ledger.commit(commitOf(request))).toEqual({
          kind: 'wrong_state',
          state: 'committed',
        });
      });

      it('X5 a late commit may lower what was presumed', async () => {
        const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(4) } });
        await ledger.hold(request);
        fixture.clock.advance(6 * MINUTE_MS);
        await ledger.expire(1_000);
        await ledger.commit(commitOf(request, { costMicroUsd: usd(0.5) }));
        expect(await readCosts(ledger, tenant)).toEqual([{ held: 0n, committed: usd(0.5) }]);
      });

      it('expires at most as many as asked for, the oldest first', async () => {
        const requests = [3, 1, 2].map((minutes) =>
          holdOf(tenant, undefined, { holdForMs: minutes * MINUTE_MS }),
        );
        for (const request of requests) await ledger.hold(request);
        fixture.clock.advance(10 * MINUTE_MS);
        expect(await ledger.expire(2)).toBe(2);
        const states = await Promise.all(
          requests.map(({ reservationId }) => ledger.reservation(tenant, reservationId)),
        );
        expect(states).toMatchObject([
          { state: 'open' },
          { state: 'expired' },
          { state: 'expired' },
        ]);
        expect(await ledger.expire(2)).toBe(1);
      });
    });

    describe('tokens', () => {
      it('a token pays for one reservation, also when two spend it at once', async () => {
        const token = { authorizedBy: 'dec_authorized' };
        const outcomes = await Promise.all([
          ledger.hold(holdOf(tenant, undefined, token)),
          ledger.hold(holdOf(tenant, undefined, token)),
        ]);
        expect(tally(outcomes)).toEqual({ held: 1, denied: 1 });
        expect(as('denied', outcomes[1]).cause).toBe('token_used');
        expect(as('denied', await ledger.hold(holdOf(tenant, undefined, token))).cause).toBe(
          'token_used',
        );
        as('held', await ledger.hold(holdOf(randomUUID(), undefined, token)));
        expect(await readCosts(ledger, tenant)).toEqual([{ held: usd(1), committed: 0n }]);
      });

      it('a denied hold does not spend its token', async () => {
        const token = { authorizedBy: 'dec_authorized' };
        const big = { ...token, amounts: { costMicroUsd: usd(11) } };
        as('denied', await ledger.hold(holdOf(tenant, undefined, big)));
        const outcomes = await Promise.all([
          ledger.hold(holdOf(tenant, undefined, big)),
          ledger.hold(holdOf(tenant, undefined, token)),
        ]);
        expect(outcomes.map(({ kind }) => kind)).toEqual(['denied', 'held']);
        expect(as('denied', outcomes[0]).cause).toBe('short');
      });
    });

    describe('reading', () => {
      it('R14 an account never charged reads as empty, under the caps of its spec', async () => {
        const readings = await ledger.read(tenant, [accountOf({ period: 'monthly' })]);
        expect(readings).toEqual([
          {
            account: 'org-total/organization:acme/2026-11-01',
            budgetId: 'org-total',
            owner: 'organization:acme',
            periodStartMs: Date.UTC(2026, 10),
            periodEndMs: Date.UTC(2026, 11),
            caps: { costMicroUsd: usd(10) },
            carried: {},
            soft: false,
            warnPerMille: 800,
            degradePerMille: 900,
            committed: amountsOf({ costMicroUsd: 0n, invocations: 0n }),
            held: amountsOf({ costMicroUsd: 0n, invocations: 0n }),
          },
        ]);
      });

      it('R14 lists accounts page by page, of one budget or all, of this tenant only', async () => {
        const budgets = ['a', 'a-b', 'b'];
        const owners = ['team:1', 'team:2'];
        const accounts = budgets.flatMap((budgetId) =>
          owners.map((owner) => accountOf({ budgetId, owner })),
        );
        await ledger.hold(holdOf(tenant, accounts));
        await ledger.hold(holdOf(randomUUID(), accounts));
        const seen: string[] = [];
        let pageToken: string | undefined;
        do {
          const page = await ledger.accounts({
            tenant,
            pageSize: 4,
            ...(pageToken && { pageToken }),
          });
          if ('kind' in page) throw new Error(page.problem);
          seen.push(...page.items.map(({ account }) => account));
          pageToken = page.nextPageToken;
        } while (pageToken !== undefined);
        expect(seen.toSorted()).toEqual(
          accounts.map(({ budgetId, owner }) => `${budgetId}/${owner}/total`).toSorted(),
        );
        const one = await ledger.accounts({ tenant, budgetId: 'a', pageSize: 10 });
        expect('items' in one && one.items.map(({ budgetId }) => budgetId)).toEqual(['a', 'a']);
      });

      it('is healthy', async () => {
        expect(await ledger.health()).toEqual({ adapter: 'test', healthy: true, problem: '' });
      });
    });

    describe('tenants', () => {
      it('R76 the same ids in two tenants are two of everything', async () => {
        const other = randomUUID();
        const shared = { requestId: 'r-1', reservationId: 'res_shared' };
        as('held', await ledger.hold(holdOf(tenant, undefined, shared)));
        const theirs = as('held', await ledger.hold(holdOf(other, undefined, shared)));
        expect(theirs.replayed).toBe(false);
        as('settled', await ledger.commit(commitOf(holdOf(other, undefined, shared))));
        expect(await readCosts(ledger, tenant)).toEqual([{ held: usd(1), committed: 0n }]);
        expect(await readCosts(ledger, other)).toEqual([{ held: 0n, committed: usd(1) }]);
        expect(await ledger.recall(randomUUID(), 'r-1', 'body-1')).toEqual({ kind: 'nothing' });
      });
    });
  });
}
