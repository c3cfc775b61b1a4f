import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outcome, TollgateClient, type AuthorizeInput } from '../../clients/typescript/index.ts';
import type { PersonRecord } from '../../src/gen/tollgate/v1/record_service.ts';
import { pgliteClient } from '../../src/stores/embedded/pglite-client.ts';
import { pgClient } from '../../src/stores/postgres/pg-client.ts';
import type { SqlClient } from '../../src/stores/postgres/sql-client.ts';
import { verifyLedger } from '../../src/stores/postgres/verify.ts';
import { runCommand } from '../support/command.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const START_MS = 60_000;

const RULES = `
version: 1
tenants:
  - { id: acme }
  - { id: globex, record: { personal_data: [email], consent: required, error_messages: false } }
agents: [{ id: crm, provider: azure_openai }]
policies:
  - { id: all, effect: allow, priority: 50 }
  - id: abroad
    effect: deny
    priority: 20
    conditions: [{ type: location, ip_ranges: [198.51.100.0/24] }]
  - id: closed
    effect: deny
    priority: 20
    conditions: [{ type: attribute, name: region, equals: [closed] }]
budgets: [{ id: day, scope: organization, period: daily, caps: { cost_usd: '100' } }]
`;

const ZOE = {
  email: 'zoe.quist@example.org',
  name: 'Zoe Quistgaard',
  externalUserId: '29:zoe-quist-7f31',
  session: 'session-zq-4411',
};
const SOURCE_IP = '198.51.100.77';
/** Everything that may stand nowhere but sealed. */
const PERSONAL = [...Object.values(ZOE), SOURCE_IP, 'secret-attribute'];
/** Stand in every record, so that a search that cannot find anything is noticed. */
const USER = 'user-of-every-record';
const ASKED_FOR = 'region-that-a-policy-asks-for';

let directory: string;
let running: ChildProcess | undefined;
let log: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tollgate-erasure-'));
  log = '';
});

afterEach(() => {
  running?.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const address = (): string => `unix:${join(directory, 'sock')}`;
const dataDir = (): string => join(directory, 'data');

async function start(databaseUrl: string | undefined): Promise<ChildProcess> {
  const config = join(directory, 'tollgate.yaml');
  writeFileSync(config, RULES);
  const args = ['--config', config, '--listen', address(), '--data-dir', dataDir()];
  const child = spawn(process.execPath, [MAIN, 'serve', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      TOLLGATE_METRICS_LISTEN: 'off',
      TOLLGATE_LOG_LEVEL: 'debug',
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    },
  });
  running = child;
  const served = new Promise<void>((resolve, reject) => {
    const keep = (piece: Buffer): void => {
      log += piece.toString();
      if (log.includes('Tollgate serves')) resolve();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('exit', () => reject(new Error(`ended before it served:\n${log}`)));
  });
  await served;
  return child;
}

const callOf = (tenant: string, sourceIp = '203.0.113.8'): AuthorizeInput['call'] => ({
  ...{ tenant, agent: 'crm', principal: { user: USER, consent: 'privacy 3', ...ZOE } },
  origin: { sourceIp, country: 'DE' },
  attributes: { ticket: 'secret-attribute', region: ASKED_FOR },
  estimate: { costMicroUsd: 1_000n },
});

/** A look, a denial because of the address, a hold that is charged, one that failed. */
async function callEverything(client: TollgateClient): Promise<void> {
  await client.authorize({ call: callOf('acme') });
  const denied = await client.reserve({ call: callOf('acme', SOURCE_IP) });
  expect(denied.reservation).toBeUndefined();
  for (const outcome of [Outcome.SUCCESS, Outcome.ERROR]) {
    const { reservation } = await client.reserve({ call: callOf('acme') });
    const reservationId = reservation?.reservationId ?? '';
    await client.commit({ tenant: 'acme', reservationId, usage: {}, outcome });
  }
  await client.authorize({ call: callOf('globex') });
  const silent = { ...callOf('globex'), principal: { user: USER, ...ZOE } };
  const { reservation } = await client.reserve({ call: silent });
  const reservationId = reservation?.reservationId ?? '';
  const failed = { reservationId, usage: {}, outcome: Outcome.ERROR, errorMessage: ZOE.name };
  await client.commit({ tenant: 'globex', ...failed });
  await until(
    async () => (await client.getStatus()).recordsWaiting === 0n,
    START_MS,
    'the journal does not reach the Lineage',
  );
}

/** What of the texts stands in the files below the folders. */
function foundIn(folders: readonly string[], texts: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      for (const text of texts) if (bytes.includes(text)) found.add(text);
    }
  }
  return [...found].toSorted();
}

/** Every table, also what files hold compressed. */
async function exported(sql: SqlClient): Promise<string> {
  const tables = await sql.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'tollgate'`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await sql.query<{ row: string }>(
      `select to_jsonb(t)::text as row from tollgate."${name}" t`,
    );
    texts.push(...rows.map(({ row }) => row));
  }
  return texts.join('\n');
}

const foundInText = (text: string): readonly string[] =>
  PERSONAL.filter((one) => text.toLowerCase().includes(one.toLowerCase()));

async function stopped(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}

/** Before and after an erasure; what is asked of the stores in between is up to the caller. */
async function lifeOfAPerson(look: () => Promise<void>): Promise<void> {
  const client = TollgateClient.connect(address(), { timeoutMs: START_MS });
  await callEverything(client);
  await look();
  const whom = { tenant: 'acme', email: ZOE.email, actor: 'op-7' };
  const about = async (whose = whom) => {
    const records: PersonRecord[] = [];
    for await (const page of client.personRecords(whose)) records.push(...page.records);
    return records;
  };
  const before = await about();
  expect(before).toHaveLength(4);
  for (const record of before) expect(record).toMatchObject({ ...ZOE, user: USER });
  expect(before.map(({ sourceIp }) => sourceIp)).toContain(SOURCE_IP);

  const erased = await client.erasePerson({ ...whom, email: ZOE.email.toUpperCase() });
  expect(erased).toMatchObject({ records: 4n, recordsWithUser: 0n });
  expect(await client.erasePerson(whom)).toMatchObject({ records: 0n });
  expect(await about()).toEqual([]);

  // The other tenant keeps what its configuration asks for, of the call that had consent.
  expect(await about({ ...whom, tenant: 'globex' })).toMatchObject([
    { email: ZOE.email, name: '', session: '', sourceIp: '', externalUserId: '' },
  ]);
  await client.authorize({ call: callOf('acme') });
  await look();
  client.close();
}

describe('R85 X12 nothing personal stands anywhere but sealed, and nothing opens after an erasure', () => {
  it('on Postgres', async () => {
    await using postgres = await startPostgres();
    const databaseUrl = await postgres.createDatabase();
    const child = await start(databaseUrl);
    const sql = pgClient({
      ...{ url: databaseUrl, poolSize: 1, connectTimeoutMs: START_MS },
      ...{ statementTimeoutMs: START_MS, onProblem: () => undefined },
    });
    await lifeOfAPerson(async () => {
      await sql.script('checkpoint');
      const places = [postgres.socketDirectory, dataDir()];
      expect(foundIn(places, [...PERSONAL, USER, ASKED_FOR])).toEqual([ASKED_FOR, USER]);
      expect(foundInText(await exported(sql))).toEqual([]);
      expect(foundInText(log)).toEqual([]);
    });
    await stopped(child);
    expect(foundInText(log)).toEqual([]);
    expect(await verifyLedger(sql)).toMatchObject({ kind: 'ok' });
    await sql.close();
  }, 120_000);

  it('on the embedded store', async () => {
    const child = await start(undefined);
    await lifeOfAPerson(() => {
      expect(foundIn([dataDir()], PERSONAL)).toEqual([]);
      return Promise.resolve();
    });
    await stopped(child);
    expect(foundIn([dataDir()], [...PERSONAL, USER, ASKED_FOR])).toEqual([ASKED_FOR, USER]);
    expect(foundInText(log)).toEqual([]);
    const verified = await runCommand(['verify', '--data-dir', dataDir()]);
    expect(verified.exitCode, verified.stderr).toBe(0);
    const database = await PGlite.create(join(dataDir(), 'database'));
    expect(foundInText(await exported(pgliteClient(database)))).toEqual([]);
    await database.close();
  }, 120_000);
});
