import { describe, expect, it } from 'vitest';

import { ManualClock } from '../lib/clock.ts';
import type { ErasureOrder, PersonOpener, PersonStore } from './person-store.ts';
import { openPersonDesk, type ErasureCommand } from './person-desk.ts';

const COMMAND: ErasureCommand = {
  ...{ tenant: 'acme', value: 'zoe@example.org', actor: 'op-7', requestId: 'r-1' },
  by: 'email',
};
const QUERY = { ...COMMAND, pageSize: 10 };
const AWAY = { kind: 'unavailable', problem: 'away' } as const;

/** A desk whose store is scripted, and what was done, in order. */
function deskOf({ known = true, keyed = true, away = false } = {}) {
  const done: string[] = [];
  const orders: ErasureOrder[] = [];
  const opener: PersonOpener = {
    emailIndex: (tenant, email) => `e:${tenant}:${email.length}`,
    userIndex: (tenant, id) => `u:${tenant}:${id.length}`,
    open: () => {
      throw new Error('nothing is sealed');
    },
    forget: (index) => void done.push(`forget ${index}`),
  };
  const store: PersonStore = {
    erase: (order, event) => {
      done.push('erase');
      orders.push(order);
      return Promise.resolve(away ? AWAY : event({ records: 3, keys: 2, recordsWithUser: 1 }));
    },
    records: () => Promise.resolve(AWAY),
  };
  const desk = openPersonDesk({
    config: { current: () => ({ tenants: { has: () => known } }) } as never,
    store,
    trail: { list: () => Promise.resolve(AWAY) },
    opener: () => (keyed ? opener : undefined),
    clock: new ManualClock(1_000.5),
  });
  return { desk, done, orders };
}

describe('the person desk', () => {
  it('R85 forgets the keys once they are destroyed, and tells what was done without the person', async () => {
    const { desk, done, orders } = deskOf();
    const told = await desk.erase(COMMAND);
    expect(done).toEqual(['erase', 'forget e:acme:15']);
    expect(told).toMatchObject({
      ...{ event: 'external_agent.personal_data_erased', tenant: 'acme', actor: 'op-7' },
      ...{ subject: 'person:e:acme:15', outcome: 'success', atMs: 1_000 },
      details: { by: 'email', records: 3, keys: 2, records_with_user: 1 },
    });
    expect(JSON.stringify(told)).not.toContain('zoe');
    await desk.erase({ ...COMMAND, by: 'external_user_id' });
    expect(orders).toMatchObject([
      { emailIndex: 'e:acme:15', userIndex: '' },
      { emailIndex: '', userIndex: 'u:acme:15' },
    ]);
    expect(orders[0]?.eventId).toBe(orders[1]?.eventId);
  });

  it('says so when a store is away, a tenant is unknown, or the master key is', async () => {
    const { desk } = deskOf({ away: true });
    expect(await desk.erase(COMMAND)).toEqual(AWAY);
    expect(await desk.records(QUERY)).toEqual(AWAY);
    expect(await desk.auditEvents(QUERY)).toEqual(AWAY);
    const stranger = deskOf({ known: false });
    const unknown = { kind: 'unknown_tenant' };
    expect(await stranger.desk.erase(COMMAND)).toEqual(unknown);
    expect(await stranger.desk.records(QUERY)).toEqual(unknown);
    expect(await stranger.desk.auditEvents({ tenant: 'x', pageSize: 1 })).toEqual(unknown);
    const keyless = deskOf({ keyed: false });
    expect(await keyless.desk.erase(COMMAND)).toMatchObject({ kind: 'unavailable', undone: true });
    expect([...stranger.done, ...keyless.done]).toEqual([]);
  });
});
