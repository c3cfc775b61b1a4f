import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Decision } from '../../../src/decision/decision.ts';
import { eventOf, EVENTS } from '../../../src/decision/events.ts';
import { finishHold } from '../../../src/decision/finish.ts';
import type { BudgetLedger, Lineage } from '../../../src/decision/ports.ts';
import type { ReasonCode } from '../../../src/decision/reasons.ts';
import type { DecisionRecord, RecordQuery, StoredRecord } from '../../../src/decision/record.ts';
import { decisionIdOf, deniedIdOf, passingDecisionId } from '../../../src/lib/ids.ts';
import { NOBODY } from '../../../src/person/person.ts';
import { MASTER_KEY_BYTES, PersonVault } from '../../../src/person/person-vault.ts';
import { PostgresLineage } from '../../../src/stores/postgres/postgres-lineage.ts';
import { rowsOf } from '../../support/record-rows.ts';
import type { LedgerFixture } from '../ledger/fixtures.ts';
import { as, commitOf, holdOf, MINUTE_MS, recordOf, START_MS, usd } from '../ledger/requests.ts';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const DEADLINE_MS = 20_000;
const MOST_PAGES = 100;

const because = (...codes: ReasonCode[]): Decision['reasons'] =>
  codes.map((code) => ({ code, message: 'so it is' }));

/** What records are found by, on the tables that calls are decided on and on the archive. */
export function describeQueries(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`queries of the record on ${name}`, () => {
    let fixture: LedgerFixture;
    let lineage: Lineage;
    let ledger: BudgetLedger;
    let vault: PersonVault;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      ({ ledger } = fixture.open());
      lineage = new PostgresLineage(fixture.sql, { finishHold, deadlineMs: DEADLINE_MS });
      vault = new PersonVault(randomBytes(MASTER_KEY_BYTES), fixture.clock);
    });
    beforeEach(() => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    /** All pages, each record once, newest first. */
    const found = async (query: Partial<RecordQuery>, pageSize = 3): Promise<string[]> => {
      const seen: StoredRecord[] = [];
      let pageToken: string | undefined;
      for (let pages = 0; pages < MOST_PAGES; pages++) {
        const place = pageToken === undefined ? {} : { pageToken };
        const page = await lineage.list({ tenant, pageSize, ...query, ...place });
        if ('kind' in page) throw new Error(page.problem);
        expect(page.items.length).toBeLessThanOrEqual(pageSize);
        seen.push(...page.items);
        pageToken = page.nextPageToken;
        if (pageToken === undefined) break;
      }
      expect(pageToken).toBeUndefined();
      const times = seen.map(({ decision }) => decision.decidedAtMs);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      return seen.map(({ decision }) => decision.decisionId);
    };
    const write = async (...records: DecisionRecord[]): Promise<string[]> => {
      await lineage.append(rowsOf(...records));
      return records.map(({ decision }) => decision.decisionId);
    };
    const archiveAll = async (): Promise<void> => {
      const now = fixture.clock.nowMs();
      fixture.clock.set(now + 400 * DAY_MS);
      while (Number(await ledger.archive(0, 1_000)) > 0);
      fixture.clock.set(now);
    };
    /** The same before and after the records are archived. */
    const foundAlways = async (query: Partial<RecordQuery>): Promise<string[]> => {
      const before = await found(query);
      await archiveAll();
      expect(await found(query)).toEqual(before);
      return before;
    };

    it('R55 by trace, alone and with another field', async () => {
      const traceId = 'a'.repeat(32);
      const [mine, other] = await write(
        recordOf(tenant, { traceId, facts: { agent: 'one' } }),
        recordOf(tenant, { traceId, facts: { agent: 'two' } }),
        recordOf(tenant, { traceId: 'b'.repeat(32), facts: { agent: 'one' } }),
        recordOf(tenant, { traceId: '' }),
      );
      expect(await found({ traceId, agent: 'one' })).toEqual([mine]);
      expect((await foundAlways({ traceId })).toSorted()).toEqual([mine, other].toSorted());
    });

    it('R55 by request: its decisions of every call, denials and those of an outage', async () => {
      const requestId = randomUUID();
      const decided = (decisionId: string) =>
        recordOf(tenant, { requestId, decision: { decisionId } });
      const authorized = decisionIdOf(tenant, 'authorize', requestId);
      const ids = await write(
        decided(authorized),
        decided(deniedIdOf(authorized)),
        decided(decisionIdOf(tenant, 'extend', requestId)),
        decided(passingDecisionId()),
      );
      await write(
        recordOf(tenant),
        recordOf(tenant, { decision: { decisionId: passingDecisionId() } }),
      );
      const request = holdOf(tenant, undefined, { requestId });
      await ledger.hold(request);
      await ledger.commit(commitOf(request));
      ids.push(request.record.decision.decisionId);
      expect((await foundAlways({ requestId })).toSorted()).toEqual(ids.toSorted());
      expect(await found({ requestId, decisionId: authorized })).toEqual([authorized]);
      expect(await found({ requestId, decisionId: 'dec_other' })).toEqual([]);
    });

    it('R55 by decision id', async () => {
      const [id = ''] = await write(recordOf(tenant), recordOf(tenant));
      expect(await foundAlways({ decisionId: id })).toEqual([id]);
      expect(await found({ decisionId: id, effect: 'deny' })).toEqual([]);
    });

    describe('by person', () => {
      /** One record of a person, decided now. */
      const recordBy = (email: string, change: Parameters<typeof recordOf>[1] = {}) => {
        const person = vault.seal(tenant, { ...NOBODY, email });
        const decidedAtMs = fixture.clock.nowMs();
        return recordOf(tenant, {
          ...change,
          person,
          personCommitment: person?.commitment ?? '',
          decision: { ...change.decision, decidedAtMs },
        });
      };
      /** Zoe calls for some hours, now and then; Max does all the time. */
      const daysOfCalls = async (): Promise<string[]> => {
        const ids: string[] = [];
        for (let call = 0; call < 12; call++) {
          const agent = call % 3 === 0 ? 'rare' : 'copilot';
          ids.unshift(...(await write(recordBy('Zoe@Example.org', { facts: { agent } }))));
          await write(recordBy('max@example.org'));
          fixture.clock.advance(call % 4 === 0 ? 5 * HOUR_MS : 3 * MINUTE_MS);
        }
        return ids;
      };
      const emailIndex = (email = 'zoe@example.org') => vault.emailIndex(tenant, email);

      it('R57 by e-mail address, in any case of letters, page by page', async () => {
        const ids = await daysOfCalls();
        expect(await found({ emailIndex: emailIndex('ZOE@example.ORG') }, 5)).toEqual(ids);
        expect(await foundAlways({ emailIndex: emailIndex() })).toEqual(ids);
        expect(await found({ emailIndex: emailIndex('nobody@example.org') })).toEqual([]);
      });

      it('R57 by e-mail address and time or agent, also with a trace', async () => {
        const ids = await daysOfCalls();
        const newest = START_MS + 6 * HOUR_MS;
        const span = { emailIndex: emailIndex(), fromMs: START_MS + HOUR_MS, toMs: newest };
        const inSpan = await found(span);
        expect(inSpan.length).toBeGreaterThan(0);
        expect(inSpan).toEqual(ids.filter((id) => inSpan.includes(id)));
        expect(await found({ ...span, pageSize: 1 })).toEqual(inSpan);
        const rare = await found({ emailIndex: emailIndex(), agent: 'rare' });
        expect(rare).toEqual(ids.filter((_, index) => (ids.length - 1 - index) % 3 === 0));
        const { traceId } = recordOf(tenant);
        expect(await found({ traceId, emailIndex: emailIndex() })).toEqual(ids);
      });

      it('R57 a person whose key is destroyed is found no more, and none of another tenant', async () => {
        await daysOfCalls();
        expect(await found({ tenant: randomUUID(), emailIndex: emailIndex() })).toEqual([]);
        await fixture.sql.query(
          'update tollgate.person_key set wrapped = null where tenant = $1 and email_index = $2',
          [tenant, emailIndex()],
        );
        expect(await found({ emailIndex: emailIndex() })).toEqual([]);
        const { traceId } = recordOf(tenant);
        expect(await found({ traceId, emailIndex: emailIndex() })).toEqual([]);
      });
    });

    it('R69 by event name, each decision under exactly one', async () => {
      const codes: ReasonCode[][] = [
        ['policy.denied'],
        ['agent.unknown'],
        ['limit.exceeded'],
        ['limit.unavailable', 'limit.exceeded'],
        ['budget.exceeded'],
        ['limit.exceeded', 'budget.exceeded'],
        ['ledger.unavailable'],
      ];
      const records = [
        recordOf(tenant),
        recordOf(tenant, { decision: { reasons: because('policy.allowed', 'policy.shadow') } }),
        ...codes.map((some) =>
          recordOf(tenant, { decision: { effect: 'deny', reasons: because(...some) } }),
        ),
      ];
      await write(...records);
      for (const event of EVENTS) {
        const expected = records.filter(
          ({ decision }) =>
            event ===
            eventOf(
              decision.effect,
              decision.reasons.map(({ code }) => code),
            ),
        );
        expect(expected.length).toBeGreaterThan(0);
        expect((await found({ event })).toSorted()).toEqual(
          expected.map(({ decision }) => decision.decisionId).toSorted(),
        );
      }
      const contradiction = { event: EVENTS[0], effect: 'allow' } as const;
      expect(await found(contradiction)).toEqual([]);
    });

    it('R69 by a reason that completing a hold adds, on holds and on looks at the headroom', async () => {
      const quiet = holdOf(tenant);
      const loud = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(7.5) } });
      as('held', await ledger.hold(quiet));
      as('held', await ledger.hold(loud));
      const [looked] = await write(
        recordOf(tenant, {
          operation: 'authorize',
          decision: { reasons: because('budget.warning') },
        }),
        recordOf(tenant, { operation: 'authorize' }),
      );
      const warned = [loud.record.decision.decisionId, looked].toSorted();
      expect((await found({ reasonCode: 'budget.warning' })).toSorted()).toEqual(warned);
      expect((await found({ reasonCode: 'budget.warning' }, 1)).toSorted()).toEqual(warned);
      expect(await found({ reasonCode: 'budget.degraded' })).toEqual([]);
    });

    it('R55 a query that takes too long is given up and says so', async () => {
      const cancelled = Object.assign(new Error('canceling statement'), { code: '57014' });
      const sql = { ...fixture.sql, query: () => Promise.reject(cancelled) };
      const slow = new PostgresLineage(sql, { finishHold, deadlineMs: DEADLINE_MS });
      expect(await slow.list({ tenant, pageSize: 1 })).toMatchObject({ kind: 'too_broad' });
    });
  });
}
