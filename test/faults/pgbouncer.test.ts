import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { openPostgres, type OpenPostgresOptions } from '../../src/stores/postgres/open-postgres.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import { pgClient } from '../../src/stores/postgres/pg-client.ts';
import { startPgBouncer, type PgBouncer } from '../support/pgbouncer-server.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { runCommand } from '../support/command.ts';
import { rowsOf } from '../support/record-rows.ts';
import {
  accountOf,
  as,
  commitOf,
  expectVerified,
  extendOf,
  finishHold,
  holdOf,
  readCosts,
  releaseOf,
  tally,
  usd,
} from '../conformance/ledger/requests.ts';
import { eventually, recovered, RECOVERY_MS, withinDeadline } from './waiting.ts';

const DEADLINE_MS = 700;
/** Where nothing fails on purpose, a busy machine must not turn an answer into `unavailable`. */
const PATIENCE_MS = 20_000;

describe('a PgBouncer in transaction mode before Postgres', { timeout: 90_000 }, () => {
  let server: PostgresServer;
  let bouncer: PgBouncer;
  let direct: string;
  let tenant: string;
  const opened: LedgerStores[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    bouncer = await startPgBouncer(server, { poolSize: 2 });
  });
  beforeEach(async () => {
    tenant = randomUUID();
    direct = await server.createDatabase();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((stores) => stores.close()));
  });
  afterAll(async () => {
    await bouncer[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const open = (deadlineMs: number, change: Partial<OpenPostgresOptions> = {}): LedgerStores => {
    const stores = openPostgres({
      url: bouncer.urlOf(direct),
      finishHold,
      poolSize: 10,
      connectTimeoutMs: deadlineMs,
      statementTimeoutMs: deadlineMs,
      ...change,
      groupCommit: { deadlineMs, ...change.groupCommit },
    });
    opened.push(stores);
    return stores;
  };

  it('X2 four ledgers want ten connections each and share two: the budget goes out exactly once, in batches', async () => {
    const account = accountOf({ caps: { costMicroUsd: usd(150) } });
    const batches: number[] = [];
    const groupCommit = { onBatch: (operations: number) => void batches.push(operations) };
    const four = Array.from({ length: 4 }, () => open(PATIENCE_MS, { groupCommit }));
    const outcomes = await Promise.all(
      four.flatMap(({ ledger }) =>
        Array.from({ length: 60 }, () => ledger.hold(holdOf(tenant, [account]))),
      ),
    );
    expect(tally(outcomes)).toEqual({ held: 150, denied: 90 });
    expect(await backendsOf(server, direct)).toBeLessThanOrEqual(2);
    expect(Math.max(...batches)).toBeGreaterThan(1);
    expect(batches.length).toBeLessThan(outcomes.length / 4);
    await expectVerified(four[0]!);
  });

  it('R73 the commands work through it: migrate up, status, down and verify', async () => {
    direct = await server.createDatabase({ migrated: false });
    vi.stubEnv('DATABASE_URL', bouncer.urlOf(direct));
    try {
      for (const words of ['migrate up', 'migrate status', 'verify', 'migrate down --to 0']) {
        const result = await runCommand(words.split(' '));
        expect(result, words).toMatchObject({ exitCode: 0, stderr: '' });
      }
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('leaves no state in a session: no setting, prepared statement, lock, channel, cursor or table', async () => {
    await using single = await startPgBouncer(server, { poolSize: 1 });
    const url = single.urlOf(direct);
    const stores = open(PATIENCE_MS, { url });
    await stores.migrateUp();
    const [kept, given] = [holdOf(tenant), holdOf(tenant)];
    for (const request of [kept, given]) as('held', await stores.ledger.hold(request));
    as('held', await stores.ledger.extend(extendOf(kept, { costMicroUsd: usd(1) })));
    as('settled', await stores.ledger.commit(commitOf(kept)));
    as('settled', await stores.ledger.release(releaseOf(given)));
    await stores.ledger.expire(10);
    await stores.ledger.accounts({ tenant, pageSize: 1 });
    await stores.lineage.append(
      rowsOf({ ...kept.record, decision: holdOf(tenant).record.decision }),
    );
    await stores.lineage.list({ tenant, pageSize: 1 });
    await expectVerified(stores);
    const left = await server.run<{ kind: string; name: string }>(
      url,
      `select 'setting' as kind, name from pg_settings
        where source = 'session' and setting is distinct from reset_val
          and name <> 'application_name' -- which PgBouncer hands on from each client
      union all select 'prepared', name from pg_prepared_statements
      union all select 'lock', objid::text from pg_locks
        where pid = pg_backend_pid() and locktype = 'advisory'
      union all select 'channel', pg_listening_channels()
      union all select 'cursor', name from pg_cursors where is_holdable
      union all select 'table', relname from pg_class where relpersistence = 't'`,
    );
    expect(left).toEqual([]);
  });

  it('a statement has its time from the first to the last, and leaves the connection without it', async () => {
    await using single = await startPgBouncer(server, { poolSize: 1 });
    const sql = pgClient({
      url: single.urlOf(direct),
      poolSize: 1,
      connectTimeoutMs: PATIENCE_MS,
      statementTimeoutMs: 400,
      onProblem: () => undefined,
    });
    try {
      for (const text of ['select pg_sleep(20)', `select pg_sleep(20), $1::text`]) {
        const values = text.includes('$1') ? ['x'] : [];
        await expect(sql.query(text, values)).rejects.toMatchObject({ code: '57014' });
      }
      const inForce = `select current_setting('statement_timeout') as inside`;
      expect(await sql.query(inForce)).toEqual([{ inside: '400ms' }]);
      expect(await server.run(single.urlOf(direct), inForce)).toEqual([{ inside: '0' }]);
    } finally {
      await sql.close();
    }
  });

  it('a locked account: Postgres cancels what waits too long, and nothing is held afterwards', async () => {
    const { ledger } = open(DEADLINE_MS, { statementTimeoutMs: DEADLINE_MS / 2 });
    as('held', await recovered(() => ledger.hold(holdOf(tenant))));
    const locked = server.run(
      direct,
      `begin; select from tollgate.account where tenant = '${tenant}' for update;
       select pg_sleep(1.5); commit`,
    );
    const asleep = `select from pg_stat_activity where wait_event = 'PgSleep'`;
    await eventually(
      async () => (await server.run(direct, asleep)).length > 0,
      'the account was never locked',
    );
    const answer = await withinDeadline(DEADLINE_MS, () => ledger.hold(holdOf(tenant)));
    expect(answer).toMatchObject({
      kind: 'unavailable',
      undone: true,
      problem: expect.stringContaining('statement timeout') as string,
    });
    await locked;
    const [account] = await readCosts(open(PATIENCE_MS).ledger, tenant);
    expect(account).toEqual({ held: usd(1), committed: 0n });
  });

  it('X3 frozen: an answer within the deadline; thawed: the repeated request has one effect', async () => {
    const { ledger } = open(DEADLINE_MS);
    const warmUp = holdOf(tenant, [accountOf({ budgetId: 'warm-up' })]);
    as('held', await recovered(() => ledger.hold(warmUp)));
    const request = holdOf(tenant);
    bouncer.freeze();
    const frozen = await withinDeadline(DEADLINE_MS, () => ledger.hold(request));
    bouncer.thaw();
    expect(frozen).toMatchObject({ kind: 'unavailable' });
    as('held', await recovered(() => ledger.hold(request)));
    expect(await readCosts(ledger, tenant)).toEqual([{ held: usd(1), committed: 0n }]);
  });

  it.each([
    ['stopped', () => bouncer.stop(), () => bouncer.start()],
    ['killed', () => bouncer.kill(), () => bouncer.start()],
    ['left by Postgres, which is killed', () => server.kill(), () => server.start()],
  ])(
    'X2 X3 %s under load, with callers who repeat: what was answered is there, once',
    async (_what, end, begin) => {
      const { ledger, verify } = open(DEADLINE_MS);
      const account = accountOf({ caps: { costMicroUsd: usd(2_000) } });
      const answered: string[] = [];
      let going = true;
      const callers = Array.from({ length: 16 }, async () => {
        while (going) {
          const request = holdOf(tenant, [account]);
          const held = await recovered(() => ledger.hold(request));
          if (held.kind !== 'held') return;
          const commit = commitOf(request, { costMicroUsd: usd(0.9) });
          as('settled', await recovered(() => ledger.commit(commit)));
          answered.push(request.reservationId);
        }
      });
      const finished = Promise.all(callers);
      await eventually(() => answered.length >= 60, 'nothing was answered');
      await end();
      await begin();
      const before = answered.length;
      await eventually(() => answered.length >= before + 60, 'it did not recover');
      going = false;
      await finished;
      const [costs] = await readCosts(open(PATIENCE_MS).ledger, tenant, [account]);
      expect(costs).toEqual({ held: 0n, committed: BigInt(answered.length) * usd(0.9) });
      expect(await verify()).toMatchObject({ kind: 'ok' });
    },
    RECOVERY_MS * 3,
  );
});

/** Connections that Postgres has for the database. PgBouncer keeps those it made. */
async function backendsOf(server: PostgresServer, url: string): Promise<number> {
  const database = new URL(url).pathname.slice(1);
  const rows = await server.run(
    'postgres',
    `select from pg_stat_activity where datname = '${database}'`,
  );
  return rows.length;
}
