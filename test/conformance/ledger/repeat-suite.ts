import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { BudgetLedger } from '../../../src/decision/ports.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import {
  accountOf,
  as,
  commitOf,
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

/** The part of the contract that is about repeats and about several ledgers on one database. */
export function describeRepeats(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`repeats on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let ledger: BudgetLedger;
    let other: BudgetLedger;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
      ({ ledger } = stores);
      other = fixture.open().ledger;
    });
    beforeEach(() => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
      return () => expectVerified(stores, tenant);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    it('X3 a hold repeated at another process is answered as the first try, with its record', async () => {
      const request = holdOf(tenant, undefined, {
        decision: {
          windows: [
            {
              limitId: 'calls',
              scope: 'user:alice',
              unit: 'requests',
              lengthMs: 1000,
              limit: 5,
              remaining: 4,
              resetAfterMs: 0,
              violated: false,
              retryAfterMs: Infinity,
              outage: false,
            },
          ],
        },
      });
      const first = as('held', await ledger.hold(request));
      fixture.clock.advance(MINUTE_MS);
      const changed = { ...request, record: { ...request.record, traceId: 'another' } };
      const again = as('held', await other.hold(changed));
      expect(again).toEqual({ ...first, replayed: true });
      expect(again.record).toEqual(request.record);
      expect(await other.recall(tenant, request.requestId, 'body-1')).toEqual(again);
      expect(await readCosts(ledger, tenant)).toEqual([{ held: usd(1), committed: 0n }]);
    });

    it('X3 a hold repeated after it was settled is still answered as it was', async () => {
      const request = holdOf(tenant);
      const first = await ledger.hold(request);
      await ledger.commit(commitOf(request));
      expect(await ledger.hold(request)).toEqual({ ...first, replayed: true });
    });

    it('X3 a denial repeated stays a denial, also when there is room by now', async () => {
      const big = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(10) } });
      await ledger.hold(big);
      const request = holdOf(tenant);
      const first = as('denied', await ledger.hold(request));
      await ledger.release(releaseOf(big));
      expect(await ledger.hold(request)).toEqual({ ...first, replayed: true });
      expect(await ledger.recall(tenant, request.requestId, 'body-1')).toEqual({
        ...first,
        replayed: true,
      });
    });

    it('X3 commit, release and extend repeated are answered the same and have one effect', async () => {
      const [a, b] = [holdOf(tenant), holdOf(tenant)];
      await Promise.all([ledger.hold(a), ledger.hold(b)]);
      const extend = extendOf(a, { costMicroUsd: usd(1) });
      const extended = as('held', await ledger.extend(extend));
      expect(await other.extend(extend)).toEqual({ ...extended, replayed: true });
      const commit = commitOf(a, { costMicroUsd: usd(2.5) });
      const settled = as('settled', await ledger.commit(commit));
      expect(await other.commit(commit)).toEqual({ ...settled, replayed: true });
      expect(await other.extend(extend)).toEqual({ ...extended, replayed: true });
      const release = releaseOf(b);
      const released = as('settled', await ledger.release(release));
      expect(await other.release(release)).toEqual({ ...released, replayed: true });
      expect(await readCosts(ledger, tenant)).toEqual([{ held: 0n, committed: usd(2.5) }]);
    });

    it('X3 X5 a late commit repeated is answered the same', async () => {
      const request = holdOf(tenant);
      await ledger.hold(request);
      fixture.clock.advance(6 * MINUTE_MS);
      await ledger.expire(10);
      const commit = commitOf(request, { costMicroUsd: usd(3) });
      const late = as('settled', await ledger.commit(commit));
      expect(late.late).toBe(true);
      expect(await ledger.commit(commit)).toEqual({ ...late, replayed: true });
    });

    it('X3 a denied extension repeated stays denied', async () => {
      const request = holdOf(tenant);
      await ledger.hold(request);
      const extend = extendOf(request, { costMicroUsd: usd(10) });
      const denied = as('denied', await ledger.extend(extend));
      expect(await ledger.extend(extend)).toEqual({ ...denied, replayed: true });
    });

    it('another body or another operation under a used request id is a conflict, and has no effect', async () => {
      const request = holdOf(tenant);
      await ledger.hold(request);
      const { requestId } = request;
      const conflict = { kind: 'conflict' };
      expect(await ledger.hold({ ...request, fingerprint: 'body-2' })).toEqual(conflict);
      expect(await ledger.recall(tenant, requestId, 'body-2')).toEqual(conflict);
      expect(await ledger.commit(commitOf(request, {}, requestId))).toEqual(conflict);
      expect(await ledger.release(releaseOf(request, requestId))).toEqual(conflict);
      expect(await ledger.extend(extendOf(request, {}, { requestId }))).toEqual(conflict);
      const commit = commitOf(request);
      await ledger.commit(commit);
      expect(await ledger.commit({ ...commit, fingerprint: 'commit-2' })).toEqual(conflict);
      expect(await ledger.recall(tenant, commit.requestId, 'commit-1')).toEqual(conflict);
    });

    it('recall of an id that was never used finds nothing and leaves nothing', async () => {
      const request = holdOf(tenant);
      expect(await ledger.recall(tenant, request.requestId, 'body-1')).toEqual({ kind: 'nothing' });
      as('held', await ledger.hold(request));
    });

    it('X3 duplicates sent at once to two processes have one effect and one answer', async () => {
      const request = holdOf(tenant);
      const twins = Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? ledger : other).hold(request),
      );
      const outcomes = (await Promise.all(twins)).map((outcome) => as('held', outcome));
      expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(outcomes.map(({ reservation }) => reservation.expiresAtMs)).size).toBe(1);
      const commit = commitOf(request);
      const settled = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 ? ledger : other).commit(commit)),
      );
      expect(settled.filter((outcome) => !as('settled', outcome).replayed)).toHaveLength(1);
      expect(await readCosts(ledger, tenant)).toEqual([{ held: 0n, committed: usd(1) }]);
    });

    it('X3 of two bodies under one id at once one is decided and the other is a conflict', async () => {
      const request = holdOf(tenant);
      const outcomes = await Promise.all([
        ledger.hold(request),
        ledger.hold({ ...request, fingerprint: 'body-2' }),
        other.hold({ ...request, fingerprint: 'body-3' }),
      ]);
      expect(tally(outcomes)).toEqual({ held: 1, conflict: 2 });
    });

    it('X3 duplicates of a denied call at two processes are all denied', async () => {
      const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(11) } });
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 ? ledger : other).hold(request)),
      );
      expect(tally(outcomes)).toEqual({ denied: 10 });
    });

    it('P18 two processes on one $10 budget admit $10', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 ? ledger : other).hold(holdOf(tenant)),
        ),
      );
      expect(tally(outcomes)).toEqual({ held: 10, denied: 90 });
    });

    it('two processes spend one token once', async () => {
      const token = { authorizedBy: 'dec_authorized' };
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          (index % 2 ? ledger : other).hold(holdOf(tenant, [], token)),
        ),
      );
      expect(tally(outcomes)).toEqual({ held: 1, denied: 9 });
    });

    it('batches over the same accounts in any order never deadlock', async () => {
      const accounts = Array.from({ length: 6 }, (_, index) =>
        accountOf({ budgetId: `b${index}`, owner: `team:${index}`, depth: index % 3, caps: {} }),
      );
      const rotated = (by: number) => [...accounts.slice(by), ...accounts.slice(0, by)];
      const rounds = Array.from({ length: 240 }, async (_, index) => {
        const chosen = index % 2 ? rotated(index % 6) : rotated(index % 6).toReversed();
        const request = holdOf(tenant, chosen.slice(0, 2 + (index % 4)));
        const at = index % 2 ? ledger : other;
        as('held', await at.hold(request));
        as('settled', await (index % 3 ? other : ledger).commit(commitOf(request)));
      });
      await Promise.all(rounds);
      const readings = await readCosts(ledger, tenant, accounts);
      expect(readings.map(({ held }) => held)).toEqual(Array(6).fill(0n));
    });
  });
}
