import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { HoldOutcome } from '../../src/decision/ports.ts';
import { openPostgres, type OpenPostgresOptions } from '../../src/stores/postgres/open-postgres.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { rowsOf } from '../support/record-rows.ts';
import {
  accountOf,
  as,
  commitOf,
  expectVerified,
  finishHold,
  holdOf,
  readCosts,
  tally,
  usd,
} from '../conformance/ledger/requests.ts';
import { eventually, pause, recovered, RECOVERY_MS, withinDeadline } from './waiting.ts';

const DEADLINE_MS = 700;

describe('a Postgres that fails', { timeout: 90_000 }, () => {
  let server: PostgresServer;
  let url: string;
  let tenant: string;
  const opened: LedgerStores[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
  });
  beforeEach(() => {
    tenant = randomUUID();
    return () => Promise.all(opened.splice(0).map((stores) => stores.close()));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const open = (change: Partial<OpenPostgresOptions> = {}): LedgerStores => {
    const stores = openPostgres({
      url,
      finishHold,
      groupCommit: { deadlineMs: DEADLINE_MS },
      statementTimeoutMs: DEADLINE_MS,
      ...change,
    });
    opened.push(stores);
    return stores;
  };

  it('stopped: every method says unavailable within its deadline; started again: it goes on by itself', async () => {
    const stores = open();
    const { ledger, lineage } = stores;
    const request = holdOf(tenant);
    as('held', await recovered(() => ledger.hold(request)));
    await server.stop();
    const account = accountOf();
    const asked = await Promise.all(
      [
        () => ledger.hold(holdOf(tenant)),
        () => ledger.commit(commitOf(request)),
        () => ledger.read(tenant, [account]),
        () => ledger.reservation(tenant, request.reservationId),
        () => ledger.accounts({ tenant, pageSize: 1 }),
        () => ledger.expire(1),
        () => lineage.get(tenant, 'dec_1'),
        () => lineage.list({ tenant, pageSize: 1 }),
        () => lineage.append(rowsOf(request.record)),
      ].map((ask) => withinDeadline<unknown>(DEADLINE_MS, ask)),
    );
    for (const answer of asked) expect(answer).toMatchObject({ kind: 'unavailable' });
    expect(await stores.health()).toMatchObject({ adapter: 'postgres', healthy: false });
    await server.start();
    as('settled', await recovered(() => ledger.commit(commitOf(request))));
    expect(await stores.health()).toMatchObject({ healthy: true });
  });

  it('down when the program starts: it starts, and works as soon as Postgres does', async () => {
    await server.stop();
    const { ledger } = open();
    expect(await ledger.hold(holdOf(tenant))).toMatchObject({ kind: 'unavailable' });
    await server.start();
    as('held', await recovered(() => ledger.hold(holdOf(tenant))));
  });

  it('X3 frozen: an answer within the deadline; thawed: the repeated request has one effect', async () => {
    const { ledger } = open();
    as(
      'held',
      await recovered(() => ledger.hold(holdOf(tenant, [accountOf({ budgetId: 'warm-up' })]))),
    );
    const request = holdOf(tenant);
    server.freeze();
    const frozen = await withinDeadline(DEADLINE_MS, () => ledger.hold(request));
    const queued = await withinDeadline(DEADLINE_MS, () => ledger.read(tenant, [accountOf()]));
    server.thaw();
    expect(frozen).toMatchObject({ kind: 'unavailable' });
    expect(queued).toMatchObject({ kind: 'unavailable' });
    as('held', await recovered(() => ledger.hold(request)));
    expect(await readCosts(ledger, tenant)).toEqual([{ held: usd(1), committed: 0n }]);
  });

  it('a locked account: the wait is bounded, and nothing is held for who was told unavailable', async () => {
    const { ledger } = open();
    as('held', await recovered(() => ledger.hold(holdOf(tenant))));
    const holder = open({ statementTimeoutMs: 60_000 });
    const locked = server.run(
      url,
      `begin; select from tollgate.account where tenant = '${tenant}' for update; select pg_sleep(1.5); commit`,
    );
    await accountIsLocked(server, url);
    expect(await withinDeadline(DEADLINE_MS, () => ledger.hold(holdOf(tenant)))).toMatchObject({
      kind: 'unavailable',
    });
    await locked;
    expect(await recovered(() => holder.ledger.read(tenant, [accountOf()]))).toMatchObject([
      { held: { costMicroUsd: usd(1) } },
    ]);
  });

  it('not migrated: unavailable, and the problem names the command', async () => {
    const { ledger, health } = open({ url: await server.createDatabase({ migrated: false }) });
    const answer = await ledger.hold(holdOf(tenant));
    expect(answer).toMatchObject({
      kind: 'unavailable',
      problem: expect.stringContaining('tollgate migrate up') as string,
    });
    expect((await health()).problem).toContain('tollgate migrate up');
  });

  it('X2 killed under load, with callers who repeat: what was answered is there, once, and the books verify', async () => {
    await using durable = await startPostgres({ durable: true });
    const stores = open({ url: await durable.createDatabase() });
    const account = accountOf({ caps: { costMicroUsd: usd(200) } });
    const answered: string[] = [];
    let going = true;
    const callers = Array.from({ length: 32 }, async () => {
      while (going) {
        const request = holdOf(tenant, [account]);
        const held = await recovered(() => stores.ledger.hold(request));
        if (held.kind !== 'held') return;
        answered.push(request.reservationId);
        const commit = commitOf(request, { costMicroUsd: usd(0.9) });
        as('settled', await recovered(() => stores.ledger.commit(commit)));
      }
    });
    const finished = Promise.all(callers);
    const deadline = Date.now() + RECOVERY_MS;
    while (answered.length < 60 && Date.now() < deadline) await pause();
    await durable.kill();
    await durable.start();
    const atKill = answered.length;
    while (answered.length < atKill + 40 && Date.now() < deadline) await pause();
    going = false;
    await finished;
    expect(answered.length).toBeGreaterThan(60);
    for (const reservationId of answered) {
      expect(await stores.ledger.reservation(tenant, reservationId)).toMatchObject({
        state: 'committed',
      });
    }
    const [costs] = await readCosts(stores.ledger, tenant, [account]);
    expect(costs).toEqual({ held: 0n, committed: BigInt(answered.length) * usd(0.9) });
    await expectVerified(stores);
  });

  it('overload: past the bound callers are turned away at once, with a moment to come back', async () => {
    const { ledger } = open({ groupCommit: { maxWaiting: 20, deadlineMs: 20_000 } });
    const account = accountOf({ caps: {} });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => ledger.hold(holdOf(tenant, [account]))),
    );
    expect(tally(outcomes)).toEqual({ held: 20, overloaded: 30 });
    const turnedAway = outcomes.find(({ kind }) => kind === 'overloaded') as HoldOutcome & {
      kind: 'overloaded';
    };
    expect(turnedAway.retryAfterMs).toBeGreaterThan(0);
  });

  it('closing answers what was taken, and turns away what comes later', async () => {
    const stores = open({ groupCommit: { deadlineMs: 20_000 } });
    const held = stores.ledger.hold(holdOf(tenant));
    await stores.ledger.close();
    as('held', await held);
    expect(await stores.ledger.hold(holdOf(tenant))).toMatchObject({ kind: 'unavailable' });
  });
});

/** Waits until the statement that locks the account sleeps with it. */
function accountIsLocked(server: PostgresServer, url: string): Promise<void> {
  const asleep = "select from pg_stat_activity where wait_event = 'PgSleep'";
  return eventually(
    async () => (await server.run(url, asleep)).length > 0,
    'the account was never locked',
  );
}
