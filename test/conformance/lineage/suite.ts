import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { BudgetLedger, Lineage } from '../../../src/decision/ports.ts';
import type { Page, RecordQuery, StoredRecord } from '../../../src/decision/record.ts';
import { NOBODY } from '../../../src/person/person.ts';
import { MASTER_KEY_BYTES, PersonVault } from '../../../src/person/person-vault.ts';
import { rowsOf } from '../../support/record-rows.ts';
import type { LedgerFixture } from '../ledger/fixtures.ts';
import {
  amountsOf,
  as,
  commitOf,
  extendOf,
  holdOf,
  MINUTE_MS,
  recordOf,
  releaseOf,
  START_MS,
  usd,
} from '../ledger/requests.ts';

interface SealedRow {
  readonly key_id: string;
  readonly sealed: string;
  readonly wrapped: string;
}

async function tablesOf({ sql }: LedgerFixture): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'tollgate'`,
  );
  return rows.map(({ name }) => name);
}

/** The contract of Lineage, with the ledger beside it that writes the records of holds. */
export function describeLineage(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`lineage on ${name}`, () => {
    let fixture: LedgerFixture;
    let lineage: Lineage;
    let ledger: BudgetLedger;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      ({ lineage, ledger } = fixture.open());
    });
    beforeEach(() => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    const get = async (decisionId: string): Promise<StoredRecord> => {
      const record = await lineage.get(tenant, decisionId);
      if ('kind' in record) throw new Error(record.kind);
      return record;
    };
    const page = async (query: Partial<RecordQuery> = {}): Promise<Page<StoredRecord>> => {
      const answer = await lineage.list({ tenant, pageSize: 100, ...query });
      if ('kind' in answer) throw new Error(answer.problem);
      return answer;
    };
    const listed = async (query: Partial<RecordQuery>): Promise<string[]> =>
      (await page(query)).items.map(({ requestId }) => requestId);

    it('R54 a record comes back as it was: 64-bit numbers, endless waits, any text', async () => {
      const record = recordOf(tenant, {
        operation: 'authorize',
        facts: {
          system: 'a "quoted" \\u0000 back\\slash 🙂',
          estimated: amountsOf({ costMicroUsd: 2n ** 62n }),
        },
        decision: {
          effect: 'deny',
          reasons: [
            {
              code: 'limit.exceeded',
              message: 'Not before the clocks change — ever.',
              limit: 9_007_199_254_740_993n,
              remaining: -1n,
              retryAfterMs: Infinity,
            },
          ],
          price: { baseMicroUsd: 1n, bufferMicroUsd: 2n, totalMicroUsd: 3n, tableVersion: 'v' },
          obligations: [
            { name: 'mask', source: 'p', parameters: { fields: ['a'], deep: { n: 1.5 } } },
          ],
        },
      });
      expect(await lineage.append(rowsOf(record))).toBe('appended');
      const { facts, decision, requestId, operation, traceId, personCommitment } = record;
      expect(await get(decision.decisionId)).toEqual({
        ...{ requestId, operation, traceId, facts, decision, personCommitment },
        reservationId: '',
        settlement: undefined,
      });
    });

    it('a NUL, which Postgres cannot store as a character, is recorded and read as it was', async () => {
      const record = recordOf(tenant, { facts: { system: 'a\u0000b\\u0000c' } });
      expect(await lineage.append(rowsOf(record))).toBe('appended');
      const { facts } = await get(record.decision.decisionId);
      expect(facts.system).toBe('a\u0000b\\u0000c');
    });

    it('X3 a decision id that is there already is left as it is, also within one append', async () => {
      const record = recordOf(tenant);
      const other = { ...record, traceId: 'other' };
      await lineage.append(rowsOf(record, other));
      await lineage.append(rowsOf(other, recordOf(tenant)));
      expect((await get(record.decision.decisionId)).traceId).toBe(record.traceId);
      expect((await page()).items).toHaveLength(2);
    });

    it('an append of nothing, and a record that nobody wrote', async () => {
      expect(await lineage.append([])).toBe('appended');
      expect(await lineage.get(tenant, 'dec_none')).toEqual({ kind: 'not_found' });
    });

    it('R54 a hold writes its record in its own transaction, finished with what it found', async () => {
      const request = holdOf(tenant);
      const held = as('held', await ledger.hold(request));
      const { decisionId } = request.record.decision;
      const record = await get(decisionId);
      expect(record).toMatchObject({
        requestId: request.requestId,
        operation: 'reserve',
        facts: request.record.facts,
        reservationId: request.reservationId,
        settlement: undefined,
        decision: { effect: 'allow', decisionId },
      });
      expect(record.decision.accounts).toEqual(
        held.accounts.map((account) => ({ ...account, outage: false })),
      );
    });

    it('R54 X7 a denied hold is recorded as a denial with its reason and the accounts as they stood', async () => {
      const request = holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(11) } });
      as('denied', await ledger.hold(request));
      const record = await get(request.record.decision.decisionId);
      expect(record).toMatchObject({ reservationId: '', settlement: undefined });
      expect(record.decision.effect).toBe('deny');
      expect(record.decision.reasons.at(-1)?.message).toBe(`short ${usd(11)}`);
      expect(await listed({ effect: 'deny', reasonCode: 'budget.exceeded' })).toEqual([
        request.requestId,
      ]);
      const token = { authorizedBy: 'dec_t' };
      await ledger.hold(holdOf(tenant, [], token));
      const twice = holdOf(tenant, [], token);
      as('denied', await ledger.hold(twice));
      expect(await listed({ reasonCode: 'token.used' })).toEqual([twice.requestId]);
    });

    it('R54 the settlement is joined: committed, released, expired and corrected', async () => {
      const [committed, released, expired] = [holdOf(tenant), holdOf(tenant), holdOf(tenant)];
      for (const request of [committed, released, expired]) await ledger.hold(request);
      const settlementOf = async ({ record }: typeof committed) =>
        (await get(record.decision.decisionId)).settlement;
      const commit = {
        ...commitOf(committed, { costMicroUsd: usd(2) }),
        outcome: 'error',
      } as const;
      await ledger.commit({ ...commit, errorMessage: 'HTTP 500' });
      expect(await settlementOf(committed)).toEqual({
        end: 'error',
        amounts: amountsOf({ costMicroUsd: usd(2) }),
        settledAtMs: START_MS,
        durationMs: 1_250,
        errorMessage: 'HTTP 500',
      });
      await ledger.release(releaseOf(released));
      expect(await settlementOf(released)).toMatchObject({
        end: 'released',
        amounts: amountsOf({ costMicroUsd: 0n, invocations: 0n }),
        durationMs: undefined,
      });
      fixture.clock.advance(6 * MINUTE_MS);
      await ledger.expire(1_000);
      expect(await settlementOf(expired)).toMatchObject({ end: 'expired', amounts: amountsOf() });
      await ledger.commit(commitOf(expired, { costMicroUsd: usd(0.5) }));
      expect(await settlementOf(expired)).toMatchObject({
        end: 'success',
        amounts: amountsOf({ costMicroUsd: usd(0.5) }),
        settledAtMs: START_MS + 6 * MINUTE_MS,
      });
    });

    it('an extension has a record of its own', async () => {
      const request = holdOf(tenant);
      await ledger.hold(request);
      const [granted, denied] = [
        extendOf(request, { costMicroUsd: usd(1) }),
        extendOf(request, { costMicroUsd: usd(99) }),
      ];
      await ledger.extend(granted);
      await ledger.extend(denied);
      const operation = 'extend';
      const { reservationId } = request;
      expect(await get(granted.record.decision.decisionId)).toMatchObject({
        ...{ operation, reservationId },
        decision: { effect: 'allow' },
      });
      expect(await get(denied.record.decision.decisionId)).toMatchObject({
        ...{ operation, reservationId },
        decision: { effect: 'deny' },
      });
    });

    it('a decision that was recorded before keeps its record, and the hold is answered all the same', async () => {
      const request = holdOf(tenant);
      await lineage.append(rowsOf({ ...request.record, traceId: 'earlier' }));
      const first = as('held', await ledger.hold(request));
      const again = as('held', await ledger.hold(request));
      expect(again).toEqual({ ...first, replayed: true });
      expect((await get(request.record.decision.decisionId)).traceId).toBe('earlier');
    });

    it('R86 personal data is in no row but the one of its own', async () => {
      const vault = new PersonVault(randomBytes(MASTER_KEY_BYTES), fixture.clock);
      const zoe = { email: 'zoe@example.org', name: 'Zoe Quistgaard', sourceIp: '203.0.113.9' };
      const person = vault.seal(tenant, { ...NOBODY, ...zoe });
      const known = { person, personCommitment: person?.commitment ?? '' };
      const request = holdOf(tenant);
      await ledger.hold({ ...request, record: { ...request.record, ...known } });
      await lineage.append(rowsOf(recordOf(tenant, known)));
      for (const table of await tablesOf(fixture)) {
        const rows = await fixture.sql.query<{ row: string }>(
          `select to_jsonb(t)::text as row from tollgate.${table} t`,
        );
        expect(rows.map(({ row }) => row).join(), table).not.toMatch(
          /zoe@|quistgaard|203\.0\.113/i,
        );
      }
      const people = await fixture.sql.query<SealedRow>(
        `select p.key_id, p.sealed, k.wrapped from tollgate.lineage_person p
         join tollgate.person_key k on k.tenant = p.tenant and k.key_id = p.key_id
         where p.tenant = $1`,
        [tenant],
      );
      const opened = people.map(({ key_id: keyId, sealed, wrapped: wrappedKey }) =>
        vault.open(tenant, { keyId, sealed, wrappedKey }),
      );
      expect(opened).toEqual([
        { ...NOBODY, ...zoe },
        { ...NOBODY, ...zoe },
      ]);
    });

    describe('queries', () => {
      /**
       * Record i: user alice or bob, agent by thirds, a millisecond apart in pairs; every fifth
       * denied.
       */
      const fill = async (count: number) => {
        const records = Array.from({ length: count }, (_, index) =>
          recordOf(tenant, {
            requestId: `r-${String(index).padStart(3, '0')}`,
            facts: { user: index % 2 ? 'alice' : 'bob', agent: `agent-${index % 3}` },
            decision: {
              effect: index % 5 === 0 ? 'deny' : 'allow',
              reasons: [
                { code: index % 5 === 0 ? 'policy.denied' : 'policy.allowed', message: 'so it is' },
              ],
              decidedAtMs: START_MS + Math.floor(index / 2),
            },
          }),
        );
        await lineage.append(rowsOf(...records));
        return records;
      };

      it('R55 lists newest first, page by page, each record once', async () => {
        const records = await fill(25);
        const seen: StoredRecord[] = [];
        let pageToken: string | undefined;
        do {
          const { items, nextPageToken } = await page({
            pageSize: 4,
            ...(pageToken && { pageToken }),
          });
          expect(items.length).toBeLessThanOrEqual(4);
          seen.push(...items);
          pageToken = nextPageToken;
        } while (pageToken !== undefined);
        expect(seen.map(({ requestId }) => requestId).toSorted()).toEqual(
          records.map(({ requestId }) => requestId),
        );
        const times = seen.map(({ decision }) => decision.decidedAtMs);
        expect(times).toEqual(times.toSorted((a, b) => b - a));
      });

      it('R55 R69 each field narrows, alone and together', async () => {
        const records = await fill(30);
        const expected = (holds: (index: number) => boolean) =>
          records.flatMap(({ requestId }, index) => (holds(index) ? [requestId] : []));
        const queries: [Partial<RecordQuery>, (index: number) => boolean][] = [
          [{ user: 'alice' }, (i) => i % 2 === 1],
          [{ agent: 'agent-2' }, (i) => i % 3 === 2],
          [{ effect: 'deny' }, (i) => i % 5 === 0],
          [{ reasonCode: 'policy.allowed' }, (i) => i % 5 !== 0],
          [{ fromMs: START_MS + 10 }, (i) => i >= 20],
          [{ toMs: START_MS + 10 }, (i) => i < 20],
          [{ user: 'bob', agent: 'agent-0', effect: 'deny', toMs: START_MS + 9 }, (i) => i === 0],
        ];
        for (const [query, holds] of queries) {
          expect((await listed(query)).toSorted(), JSON.stringify(query)).toEqual(expected(holds));
        }
      });

      it('R76 no tenant reads another’s records', async () => {
        const [record] = await fill(3);
        const other = randomUUID();
        expect(await lineage.list({ tenant: other, pageSize: 10 })).toEqual({
          items: [],
          nextPageToken: undefined,
        });
        expect(await lineage.get(other, record?.decision.decisionId ?? '')).toEqual({
          kind: 'not_found',
        });
      });
    });

    it('R71 history refuses to be changed', async () => {
      await ledger.hold(holdOf(tenant));
      for (const table of ['entry', 'chain', 'lineage', 'entry_archive', 'lineage_archive']) {
        for (const change of [
          `update tollgate.${table} set tenant = tenant`,
          `delete from tollgate.${table}`,
        ]) {
          await expect(fixture.sql.query(change), change).rejects.toThrow('append-only');
        }
        await expect(fixture.sql.script(`truncate tollgate.${table}`)).rejects.toThrow(
          'append-only',
        );
      }
    });
  });
}
