import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { RollUp, UsageQuery, UsageRow } from '../../../src/decision/usage.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { LedgerFixture } from './fixtures.ts';
import {
  as,
  commitOf,
  expectVerified,
  holdOf,
  MINUTE_MS,
  readCosts,
  releaseOf,
  START_MS,
  usd,
} from './requests.ts';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What was charged, told apart and summed, always equal to what accounts have committed. */
export function describeUsage(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`usage on ${name}`, () => {
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

    const ask = async (change: Partial<UsageQuery> = {}): Promise<readonly UsageRow[]> => {
      const page = await stores.ledger.usage({
        tenant,
        fromMs: START_MS - DAY_MS,
        toMs: START_MS + 60 * DAY_MS,
        bucket: 'total',
        timeZone: 'UTC',
        by: [],
        only: {},
        pageSize: 1_000,
        ...change,
      });
      if ('kind' in page) throw new Error(page.problem);
      return page.items;
    };
    const rollUp = async (mostEntries = 10_000): Promise<RollUp> => {
      const outcome = await stores.sums.rollUp(mostEntries);
      if ('kind' in outcome) throw new Error(outcome.problem);
      return outcome;
    };
    /** The same from the entries alone as from the sums. */
    const usage = async (change: Partial<UsageQuery> = {}): Promise<readonly UsageRow[]> => {
      const before = await ask(change);
      while ((await rollUp()).batchesBehind > 0);
      expect(await ask(change)).toEqual(before);
      return before;
    };
    const costs = (rows: readonly UsageRow[]) =>
      rows.map(({ bucketStartMs, dimensions, committed }) => [
        ...(bucketStartMs === undefined ? [] : [new Date(bucketStartMs).toISOString()]),
        ...Object.values(dimensions),
        Number(committed.costMicroUsd) / 1e6,
      ]);
    const held = async (agent: string, user: string) => {
      const request = holdOf(tenant);
      const { record } = request;
      const own = {
        ...request,
        pricing: { ...request.pricing, agent },
        record: { ...record, facts: { ...record.facts, agent, user } },
      };
      as('held', await stores.ledger.hold(own));
      return own;
    };
    const spend = async (agent: string, user: string, dollars: number): Promise<void> => {
      const commit = commitOf(await held(agent, user), { costMicroUsd: usd(dollars) });
      as('settled', await stores.ledger.commit(commit));
    };

    it('R15 sums by agent and by user, exactly what the accounts committed', async () => {
      await spend('copilot', 'alice', 0.1);
      await spend('copilot', 'bob', 0.2);
      await spend('crm', 'alice', 0.400001);
      expect(costs(await usage({ by: ['agent'] }))).toEqual([
        ['copilot', 0.3],
        ['crm', 0.400001],
      ]);
      expect(costs(await usage({ by: ['user'] }))).toEqual([
        ['alice', 0.500001],
        ['bob', 0.2],
      ]);
      const [all] = await usage();
      expect(all).toMatchObject({ charges: 3, committed: { invocations: 3n } });
      expect(await readCosts(stores.ledger, tenant)).toEqual([
        { held: 0n, committed: all?.committed.costMicroUsd },
      ]);
      expect(costs(await usage({ by: ['agent'], only: { user: 'alice' } }))).toEqual([
        ['copilot', 0.1],
        ['crm', 0.400001],
      ]);
    });

    it('R15 days begin in the zone that is asked for', async () => {
      fixture.clock.set(Date.UTC(2026, 10, 20, 4, 30));
      await spend('copilot', 'alice', 1);
      fixture.clock.set(Date.UTC(2026, 10, 20, 5, 30));
      await spend('copilot', 'alice', 2);
      expect(costs(await usage({ bucket: 'day' }))).toEqual([['2026-11-20T00:00:00.000Z', 3]]);
      expect(costs(await usage({ bucket: 'day', timeZone: 'America/New_York' }))).toEqual([
        ['2026-11-19T05:00:00.000Z', 1],
        ['2026-11-20T05:00:00.000Z', 2],
      ]);
      expect(costs(await usage({ bucket: 'week' }))).toEqual([['2026-11-16T00:00:00.000Z', 3]]);
      expect(costs(await usage({ bucket: 'month' }))).toEqual([['2026-11-01T00:00:00.000Z', 3]]);
    });

    it('X5 an expiry is charged when it is presumed, a late commit as the difference', async () => {
      await held('copilot', 'alice');
      const late = await held('copilot', 'alice');
      fixture.clock.advance(6 * MINUTE_MS);
      await stores.ledger.expire(10_000);
      fixture.clock.advance(DAY_MS);
      as('settled', await stores.ledger.commit(commitOf(late, { costMicroUsd: usd(0.25) })));
      expect(costs(await usage({ bucket: 'day' }))).toEqual([
        ['2026-11-18T00:00:00.000Z', 2],
        ['2026-11-19T00:00:00.000Z', -0.75],
      ]);
    });

    it('what is held or released is not charged', async () => {
      await held('copilot', 'alice');
      as('settled', await stores.ledger.release(releaseOf(await held('copilot', 'bob'))));
      expect(await usage({ by: ['user'] })).toEqual([]);
    });

    it('the archive changes nothing, also for an id that was used again', async () => {
      await spend('copilot', 'alice', 0.5);
      fixture.clock.advance(3 * DAY_MS);
      await spend('crm', 'bob', 0.25);
      const before = await usage({ by: ['agent', 'user'], bucket: 'day' });
      fixture.clock.advance(3 * DAY_MS);
      expect(await stores.ledger.archive(4 * DAY_MS, 10_000)).toBeGreaterThan(0);
      expect(await usage({ by: ['agent', 'user'], bucket: 'day' })).toEqual(before);
    });

    it('is the same after every batch that is summed, in every zone and over every span', async () => {
      for (const [step, minutes] of [25, 10, 20, 45, 300, 1_000, 7, 1_440].entries()) {
        await spend(step % 2 === 0 ? 'copilot' : 'crm', `user-${step % 3}`, 0.1 + step / 10);
        fixture.clock.advance(minutes * MINUTE_MS);
        if (step === 3) await held('crm', 'alice');
      }
      await stores.ledger.expire(10_000);
      const spans: readonly Partial<UsageQuery>[] = [
        { bucket: 'hour', timeZone: 'UTC' },
        { bucket: 'hour', timeZone: 'Asia/Kolkata' },
        { bucket: 'day', timeZone: 'Asia/Kolkata' },
        { bucket: 'day', timeZone: 'America/New_York', only: { agent: 'crm' } },
        { bucket: 'week', timeZone: 'Australia/Lord_Howe', by: ['agent', 'user'] },
        { fromMs: START_MS + 3 * MINUTE_MS, toMs: START_MS + DAY_MS + 7 * MINUTE_MS },
        { fromMs: START_MS + 26 * MINUTE_MS, toMs: START_MS + 36 * MINUTE_MS, by: ['user'] },
      ];
      const all = () => Promise.all(spans.map((change) => ask(change)));
      const before = await all();
      while ((await rollUp(1)).batchesBehind > 0) expect(await all()).toEqual(before);
      expect(await all()).toEqual(before);
      fixture.clock.advance(3 * DAY_MS);
      await stores.ledger.archive(2 * DAY_MS, 10_000);
      await spend('crm', 'alice', 0.5);
      expect(before[0]?.length).toBeGreaterThan(4);
      expect(await ask({ toMs: fixture.clock.nowMs() - DAY_MS })).toEqual(
        await usage({ toMs: fixture.clock.nowMs() - DAY_MS }),
      );
    });

    it('R52 tells what was estimated for calls that were committed, and what they used', async () => {
      await spend('copilot', 'alice', 1.5);
      const late = await held('copilot', 'alice');
      await held('copilot', 'bob');
      fixture.clock.advance(6 * MINUTE_MS);
      await stores.ledger.expire(10_000);
      const commit = commitOf(late, { costMicroUsd: usd(0.25) });
      as('settled', await stores.ledger.commit({ ...commit, outcome: 'error' }));
      const [row] = await usage();
      expect(row).toMatchObject({
        charges: 4,
        committed: { costMicroUsd: usd(2.75), invocations: 3n },
        settled: {
          calls: 2,
          succeeded: 1,
          estimatedMicroUsd: usd(2),
          actualMicroUsd: usd(1.75),
        },
      });
    });

    it('one that stops half way leaves nothing behind, and the next sums all of it once', async () => {
      await spend('copilot', 'alice', 0.5);
      await fixture.sql.script('begin; select tollgate.roll_up(10000); rollback');
      expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok', sums: 0 });
      expect(costs(await usage())).toEqual([[0.5]]);
      expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok', sums: 2 });
    });

    it('two that sum at once sum each entry once', async () => {
      for (const user of ['a', 'b', 'c', 'd']) await spend('copilot', user, 0.1);
      const other = fixture.open();
      const rounds = await Promise.all(
        [stores, other, stores, other].map(({ sums }) => sums.rollUp(3)),
      );
      expect(rounds.filter((one) => 'kind' in one)).toEqual([]);
      expect(costs(await usage())).toEqual([[0.4]]);
    });

    it('comes page by page, each row once', async () => {
      for (const user of ['a', 'b', 'c', 'd', 'e']) await spend('copilot', user, 0.1);
      const seen: unknown[] = [];
      let pageToken: string | undefined;
      for (let page = 0; page < 3; page += 1) {
        const answer = await stores.ledger.usage({
          ...{ tenant, fromMs: START_MS, toMs: START_MS + DAY_MS, bucket: 'hour', timeZone: 'UTC' },
          ...{ by: ['user'], only: {}, pageSize: 2 },
          ...(pageToken !== undefined && { pageToken }),
        });
        if ('kind' in answer) throw new Error(answer.problem);
        seen.push(...answer.items.map(({ dimensions }) => dimensions.user));
        pageToken = answer.nextPageToken;
      }
      expect([seen, pageToken]).toEqual([['a', 'b', 'c', 'd', 'e'], undefined]);
    });
  });
}
