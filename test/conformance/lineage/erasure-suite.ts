import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { AuditEvent, AuditQuery } from '../../../src/decision/audit-event.ts';
import { openPersonDesk, type PersonDesk } from '../../../src/decision/person-desk.ts';
import { auditRow } from '../../../src/decision/record-row.ts';
import type { DecisionRecord } from '../../../src/decision/record.ts';
import { NOBODY, type Person, type SealedPerson } from '../../../src/person/person.ts';
import { MASTER_KEY_BYTES, PersonVault } from '../../../src/person/person-vault.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import { rowsOf } from '../../support/record-rows.ts';
import type { LedgerFixture } from '../ledger/fixtures.ts';
import { commitOf, holdOf, MINUTE_MS, recordOf, START_MS, usd } from '../ledger/requests.ts';

const ZOE: Person = {
  ...NOBODY,
  email: 'Zoe@Example.org',
  externalUserId: '29:zoe',
  name: 'Zoe',
  session: 'session-zoe',
  sourceIp: '203.0.113.9',
};
const BOB: Person = { ...NOBODY, email: 'bob@example.org', name: 'Bob' };
const ERASED = 'external_agent.personal_data_erased';
const ACCESSED = 'external_agent.personal_data_accessed';

/** The rights of persons and the audit trail, on a store. */
export function describeErasure(name: string, open: () => Promise<LedgerFixture>): void {
  describe(`erasure on ${name}`, () => {
    let fixture: LedgerFixture;
    let stores: LedgerStores;
    let vault: PersonVault;
    let desk: PersonDesk;
    let tenant: string;

    beforeAll(async () => {
      fixture = await open();
      stores = fixture.open();
      vault = new PersonVault(randomBytes(MASTER_KEY_BYTES), fixture.clock);
      const tenants = { has: () => true };
      desk = openPersonDesk({
        config: { current: () => ({ tenants }) } as never,
        store: stores.persons,
        trail: stores.audit,
        opener: () => vault,
        clock: fixture.clock,
      });
    });
    beforeEach(() => {
      fixture.clock.set(START_MS);
      tenant = randomUUID();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    const of = (
      person: Person,
      change: Parameters<typeof recordOf>[1] = {},
      whose = tenant,
    ): DecisionRecord => {
      const sealed = vault.seal(whose, person);
      const known = { person: sealed, personCommitment: sealed?.commitment ?? '' };
      return recordOf(whose, { operation: 'authorize', ...known, ...change });
    };
    const write = async (...records: readonly DecisionRecord[]): Promise<void> => {
      expect(await stores.lineage.append(rowsOf(...records))).toBe('appended');
    };
    const erase = async (
      value: string,
      { by = 'email' as const, whose = tenant, requestId = randomUUID() } = {},
    ) => {
      const told = await desk.erase({ tenant: whose, by, value, actor: 'op-7', requestId });
      if ('kind' in told) throw new Error(told.kind);
      return told;
    };
    const about = async (
      value: string,
      by: 'email' | 'external_user_id' = 'email',
      whose = tenant,
    ) => {
      const page = await desk.records({ tenant: whose, by, value, actor: 'op-7', pageSize: 100 });
      if ('kind' in page) throw new Error(page.kind);
      return page.items;
    };
    const events = async (query: Partial<AuditQuery> = {}): Promise<readonly AuditEvent[]> => {
      const page = await desk.auditEvents({ tenant, pageSize: 100, ...query });
      if ('kind' in page) throw new Error(page.kind);
      return page.items;
    };

    it('R86 tells everything that is kept: decisions, the person, the settlement, consent', async () => {
      const request = holdOf(tenant);
      const sealed = vault.seal(tenant, ZOE);
      const known = { person: sealed, personCommitment: sealed?.commitment ?? '' };
      const facts = { ...request.record.facts, consent: 'privacy 3' };
      await stores.ledger.hold({ ...request, record: { ...request.record, ...known, facts } });
      await stores.ledger.commit(commitOf(request, { costMicroUsd: usd(0.2) }));
      fixture.clock.advance(MINUTE_MS);
      const decidedAtMs = fixture.clock.nowMs();
      await write(of(ZOE, { decision: { decidedAtMs } }), of(BOB));

      const found = await about('zoe@example.org');
      expect(found).toMatchObject([
        { operation: 'authorize', decidedAtMs, person: ZOE, settlement: undefined },
        {
          operation: 'reserve',
          effect: 'allow',
          reasonCodes: ['policy.allowed'],
          person: ZOE,
          facts: { agent: 'copilot', consent: 'privacy 3' },
          settlement: { end: 'success', amounts: { costMicroUsd: usd(0.2) } },
        },
      ]);
      expect(await about('29:zoe', 'external_user_id')).toEqual(found);
      expect(await about('nobody@example.org')).toEqual([]);
      expect(await events({ event: ACCESSED })).toHaveLength(3);
    });

    it('R86 pages are stable, and each is recorded', async () => {
      const times = Array.from({ length: 7 }, (_, index) => START_MS + Math.floor(index / 2));
      await write(...times.map((decidedAtMs) => of(ZOE, { decision: { decidedAtMs } })));
      const seen: string[] = [];
      let pageToken: string | undefined;
      do {
        const asked = { tenant, by: 'email', value: ZOE.email, actor: 'op-7' } as const;
        const place = { pageSize: 3, ...(pageToken !== undefined && { pageToken }) };
        const page = await desk.records({ ...asked, ...place });
        if ('kind' in page) throw new Error(page.kind);
        seen.push(...page.items.map(({ decisionId }) => decisionId));
        ({ nextPageToken: pageToken } = page);
      } while (pageToken !== undefined);
      expect(new Set(seen).size).toBe(7);
      const told = await events({ event: ACCESSED });
      expect(told.map(({ details }) => details)).toHaveLength(3);
      expect(JSON.stringify(told)).not.toMatch(/zoe@|29:zoe/i);
      expect(told[0]).toMatchObject({ actor: 'op-7', outcome: 'success' });
    });

    it('R85 X12 what was sealed is gone, the decisions stay, and the books still prove', async () => {
      const [first, second] = [of(ZOE), of({ ...ZOE, externalUserId: '' })];
      await write(first, second, of(BOB), recordOf(tenant, { facts: { user: 'zoe@example.org' } }));
      const told = await erase('zoe@example.org');
      expect(told).toMatchObject({
        event: ERASED,
        actor: 'op-7',
        details: { by: 'email', records: 2, keys: 2, records_with_user: 1 },
      });
      expect(await about('zoe@example.org')).toEqual([]);
      expect((await about('bob@example.org')).map(({ person }) => person)).toEqual([BOB]);
      const kept = await stores.lineage.get(tenant, first.decision.decisionId);
      expect(kept).toMatchObject({ requestId: first.requestId });
      expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok' });
      expect((await erase('ZOE@example.org')).details).toMatchObject({ records: 0, keys: 0 });
      expect(await events({ event: ERASED })).toHaveLength(2);
      expect(JSON.stringify(await events())).not.toMatch(/zoe@|29:zoe/i);
    });

    it('R85 a repeat has one effect and the same answer; an id of another erasure is refused', async () => {
      await write(of(ZOE));
      const requestId = randomUUID();
      const told = await erase(ZOE.email, { requestId });
      expect(await erase(ZOE.email, { requestId })).toEqual(told);
      expect(told.details.records).toBe(1);
      const other = { tenant, by: 'email', value: BOB.email, actor: 'op-7', requestId } as const;
      expect(await desk.erase(other)).toEqual({ kind: 'conflict' });
      expect(await events({ event: ERASED })).toHaveLength(1);
    });

    it('R85 two at once erase once', async () => {
      await write(...Array.from({ length: 20 }, () => of(ZOE)));
      const requestId = randomUUID();
      const both = await Promise.all([
        erase(ZOE.email, { requestId }),
        erase(ZOE.email, { requestId }),
      ]);
      expect(both[0]).toEqual(both[1]);
      expect(both[0].details.records).toBe(20);
    });

    it('R85 stays within the tenant', async () => {
      const other = randomUUID();
      await write(of(ZOE), of(ZOE, {}, other));
      await erase(ZOE.email);
      expect(await about(ZOE.email)).toEqual([]);
      expect(await about(ZOE.email, 'email', other)).toHaveLength(1);
    });

    it('R85 what was under one name only is found through the other, and nobody else', async () => {
      const idOnly = { ...NOBODY, externalUserId: ZOE.externalUserId, session: 'later' };
      const shared = { ...BOB, externalUserId: ZOE.externalUserId };
      await write(of(ZOE), of(idOnly), of(shared));
      expect(await about(ZOE.email)).toHaveLength(2);
      expect((await erase(ZOE.email)).details.records).toBe(2);
      expect((await about(BOB.email)).map(({ person }) => person)).toEqual([shared]);
    });

    it('R85 records that were on their way arrive unreadable, later ones do not', async () => {
      const spooled = of(ZOE);
      await erase(ZOE.email);
      await write(spooled);
      expect(await about(ZOE.email)).toEqual([]);
      const [key] = await fixture.sql.query<{ wrapped: string | null }>(
        'select wrapped from tollgate.person_key where tenant = $1',
        [tenant],
      );
      expect(key).toEqual({ wrapped: null });

      fixture.clock.advance(1_000);
      const later = of(ZOE);
      await write(later);
      expect(await about(ZOE.email)).toMatchObject([{ decisionId: later.decision.decisionId }]);
    });

    it('R85 another process goes on under the destroyed key for a while: nobody can read it', async () => {
      const before = of(ZOE);
      await write(before);
      const cached = before.person;
      await erase(ZOE.email);
      fixture.clock.advance(1_000);
      await write(recordOf(tenant, { operation: 'authorize', person: cached }));
      expect(await about(ZOE.email)).toEqual([]);
      const fresh = of(ZOE);
      expect(fresh.person?.keyId).not.toBe(cached?.keyId);
    });

    it('X12 a commitment can be proven before an erasure, and by nobody after it', async () => {
      const record = of(ZOE);
      await write(record);
      const { decisionId } = record.decision;
      const stored = async (): Promise<SealedPerson | undefined> => {
        const [row] = await fixture.sql.query<{ sealed: string; key: string; wrapped: string }>(
          `select p.sealed, p.key_id as key, k.wrapped from tollgate.lineage_person p
           join tollgate.person_key k on k.tenant = p.tenant and k.key_id = p.key_id
           where p.tenant = $1 and p.decision_id = $2 and k.wrapped is not null`,
          [tenant, decisionId],
        );
        if (!row || !record.person) return undefined;
        return { ...record.person, sealed: row.sealed, keyId: row.key, wrappedKey: row.wrapped };
      };
      const { personCommitment: commitment } = record;
      const held = await stored();
      expect(held && vault.proves(tenant, { ...held, commitment })).toBe(true);
      expect(held && vault.proves(tenant, { ...held, commitment: 'b3RoZXI' })).toBe(false);
      await erase(ZOE.email);
      expect(await stored()).toBeUndefined();
    });

    const toldOf = (index: number): AuditEvent => ({
      eventId: `aud_${index}`,
      tenant,
      atMs: START_MS + Math.floor(index / 2),
      actor: 'gateway-1',
      subject: 'agent:copilot',
      ...(index % 3 === 0
        ? {
            event: 'external_agent.credentials_accessed',
            outcome: 'success',
            details: { agent: 'copilot', purpose: 'call' },
          }
        : {
            event: 'external_agent.authentication_failed',
            outcome: 'failure',
            details: { method: 'mtls', problem: 'expired' },
          }),
    });

    it('R70 R87 events of every kind are kept, listed by name and time, page by page', async () => {
      const all = Array.from({ length: 9 }, (_, index) => toldOf(index));
      await stores.lineage.append(all.map((event) => Buffer.from(auditRow(event))));
      const ids = (list: readonly AuditEvent[]) => list.map(({ eventId }) => eventId).toSorted();
      expect(await events()).toEqual(expect.arrayContaining(all));
      expect(ids(await events({ event: 'external_agent.credentials_accessed' }))).toEqual([
        ...['aud_0', 'aud_3', 'aud_6'],
      ]);
      expect(ids(await events({ fromMs: START_MS + 3, toMs: START_MS + 4 }))).toEqual([
        ...['aud_6', 'aud_7'],
      ]);
      const first = await desk.auditEvents({ tenant, pageSize: 5 });
      if ('kind' in first) throw new Error(first.kind);
      const rest = await events({ pageToken: first.nextPageToken ?? '' });
      expect(ids([...first.items, ...rest])).toEqual(ids(all));
      expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok' });
    });

    it('R87 no query about decisions answers with an event, no tenant with another’s', async () => {
      await stores.lineage.append([Buffer.from(auditRow(toldOf(1)))]);
      expect(await stores.lineage.list({ tenant, pageSize: 10 })).toMatchObject({ items: [] });
      expect(await stores.lineage.get(tenant, 'aud_1')).toEqual({ kind: 'not_found' });
      expect(await events({ tenant: randomUUID() })).toEqual([]);
    });

    it('X12 events and what an erasure left are archived and verified like decisions', async () => {
      await write(of(ZOE));
      await erase(ZOE.email);
      const before = await events();
      fixture.clock.advance(60 * MINUTE_MS);
      await stores.ledger.archive(0, 1_000);
      expect(await events()).toEqual(before);
      expect(await stores.verify({ tenant })).toMatchObject({ kind: 'ok' });
    });
  });
}
