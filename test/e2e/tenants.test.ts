import { readdirSync } from 'node:fs';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import * as decisions from '../../src/gen/tollgate/v1/decision_service.ts';
import * as queries from '../../src/gen/tollgate/v1/query_service.ts';
import * as records from '../../src/gen/tollgate/v1/record_service.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { pgClient } from '../../src/stores/postgres/pg-client.ts';
import type { SqlClient } from '../../src/stores/postgres/sql-client.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { send } from '../support/send.ts';
import { openStack, type Stack } from '../support/stack.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12, 30);
const DAY_MS = 86_400_000;

/** Two tenants under the same rules, that use the same agent, user, person and request ids. */
const CONFIGURATION = `
version: 1
tenants: [{ id: north }, { id: south }]
agents: [{ id: copilot, provider: copilot_studio }]
policies:
  - { id: all, effect: allow }
  - { id: south-rule, tenants: [south], effect: allow }
limits: [{ id: org, scope: organization, windows: [{ limit: 6, per: hour }] }]
budgets: [{ id: org, scope: organization, period: total, caps: { cost_usd: '10' } }]
`;
const EMAIL = 'zoe@example.org';
const TRACE = 'b'.repeat(32);
const SPAN = { from: new Date(NOW_MS - DAY_MS), to: new Date(NOW_MS + DAY_MS) };

/** What is there of the other tenant. */
interface South {
  readonly decisionIds: readonly string[];
  readonly held: string;
  readonly committed: string;
  readonly token: string;
}

const callOf = (tenant: string) => ({
  tenant,
  agent: 'copilot',
  principal: {
    user: 'zoe',
    email: EMAIL,
    externalUserId: 'zoe-7',
    ...(tenant === 'south' && { team: 'south-team', system: 'south-system' }),
  },
  estimate: { costMicroUsd: 1_000_000n },
});

interface Method {
  readonly path: string;
  readonly responseStream: boolean;
  requestSerialize(request: unknown): Buffer;
  responseDeserialize(bytes: Buffer): unknown;
}

/** What north asks with everything that south could be reached by, and what it must hear. */
interface Case {
  request(south: South): unknown;
  readonly hears: unknown;
}

const north = 'north';
const refused = (code: status) => ({ code });
const notFound = refused(status.NOT_FOUND);
const empty = { records: [], nextPageToken: '' };

/** Questions come first: north has nothing yet, so whatever is heard is south's. */
const CASES: Readonly<Record<string, Case>> = {
  'QueryService/GetStatus': {
    request: () => queries.GetStatusRequest.create(),
    hears: { version: 'test' },
  },
  'QueryService/GetRateStatus': {
    request: () => queries.GetRateStatusRequest.fromPartial({ call: callOf(north) }),
    hears: { rateStatus: [{ limitId: 'org', remaining: 6n }] },
  },
  'QueryService/GetBudgetStatus': {
    request: () => queries.GetBudgetStatusRequest.fromPartial({ tenant: north }),
    hears: { budgetStatus: [], nextPageToken: '' },
  },
  'QueryService/GetReservation': {
    request: ({ held }) =>
      queries.GetReservationRequest.fromPartial({ tenant: north, reservationId: held }),
    hears: notFound,
  },
  'QueryService/GetDecision': {
    request: ({ decisionIds: [decisionId = ''] }) =>
      queries.GetDecisionRequest.fromPartial({ tenant: north, decisionId }),
    hears: notFound,
  },
  'QueryService/ListDecisions': {
    request: () => queries.ListDecisionsRequest.fromPartial({ tenant: north }),
    hears: empty,
  },
  'QueryService/ListDecisions by decision': {
    request: ({ decisionIds: [decisionId = ''] }) =>
      queries.ListDecisionsRequest.fromPartial({ tenant: north, decisionId }),
    hears: empty,
  },
  'QueryService/ListDecisions by request': {
    request: () => queries.ListDecisionsRequest.fromPartial({ tenant: north, requestId: 'hold' }),
    hears: empty,
  },
  'QueryService/ListDecisions by trace': {
    request: () => queries.ListDecisionsRequest.fromPartial({ tenant: north, traceId: TRACE }),
    hears: empty,
  },
  'QueryService/ListDecisions by person': {
    request: () => queries.ListDecisionsRequest.fromPartial({ tenant: north, email: EMAIL }),
    hears: empty,
  },
  'QueryService/ListDecisions by what else there is': {
    request: ({ decisionIds: [decisionId = ''] }) =>
      queries.ListDecisionsRequest.fromPartial({
        tenant: north,
        agent: 'copilot',
        user: 'zoe',
        effect: Effect.DENY,
        event: 'external_agent.rate_limit_exceeded',
        pageToken: `${NOW_MS + DAY_MS}.${decisionId}`,
      }),
    hears: empty,
  },
  'QueryService/ExportDecisions': {
    request: () => queries.ExportDecisionsRequest.fromPartial({ tenant: north, email: EMAIL }),
    hears: [],
  },
  'QueryService/GetUsage': {
    request: () => queries.GetUsageRequest.fromPartial({ tenant: north, ...SPAN }),
    hears: { rows: [], nextPageToken: '' },
  },
  'QueryService/ListCalibrations': {
    request: () => queries.ListCalibrationsRequest.fromPartial({ tenant: north }),
    hears: { calibrations: [] },
  },
  'QueryService/ListViolations': {
    request: () => queries.ListViolationsRequest.fromPartial({ tenant: north }),
    hears: { violations: [] },
  },
  'QueryService/ListPolicies': {
    request: () => queries.ListPoliciesRequest.fromPartial({ tenant: north }),
    hears: { policies: [{ policy: 'all' }] },
  },
  'RecordService/ListAuditEvents': {
    request: () => records.ListAuditEventsRequest.fromPartial({ tenant: north }),
    hears: { events: [], nextPageToken: '' },
  },
  'RecordService/GetPersonRecords': {
    request: () =>
      records.GetPersonRecordsRequest.fromPartial({ tenant: north, email: EMAIL, actor: 'audit' }),
    hears: { records: [], nextPageToken: '', recordsWithUser: 0n },
  },
  'RecordService/ErasePerson': {
    request: () =>
      records.ErasePersonRequest.fromPartial({
        ...{ tenant: north, requestId: 'erase', actor: 'audit', email: EMAIL },
      }),
    hears: { records: 0n, recordsWithUser: 0n },
  },
  'DecisionService/Authorize': {
    request: () =>
      decisions.AuthorizeRequest.fromPartial({ requestId: 'look', call: callOf(north) }),
    hears: { decision: { effect: Effect.ALLOW, rateStatus: [{ remaining: 5n }] } },
  },
  'DecisionService/Reserve': {
    request: () => decisions.ReserveRequest.fromPartial({ requestId: 'hold', call: callOf(north) }),
    hears: {
      decision: {
        effect: Effect.ALLOW,
        rateStatus: [{ remaining: 4n }],
        budgetStatus: [{ metrics: [{ committed: 0n, held: 1_000_000n }] }],
      },
    },
  },
  'DecisionService/Reserve with the other’s token': {
    request: ({ token }) =>
      decisions.ReserveRequest.fromPartial({
        ...{ requestId: 'token', call: callOf(north), authorizationToken: token },
      }),
    hears: { decision: { effect: Effect.DENY, reasons: [{ code: 'token.invalid' }] } },
  },
  'DecisionService/Commit': {
    request: ({ held: reservationId }) =>
      decisions.CommitRequest.fromPartial({
        ...{ requestId: 'c', tenant: north, reservationId, usage: {}, outcome: Outcome.SUCCESS },
      }),
    hears: notFound,
  },
  'DecisionService/Commit again as the other did': {
    request: ({ committed: reservationId }) =>
      decisions.CommitRequest.fromPartial({
        ...{ requestId: 'done', tenant: north, reservationId, outcome: Outcome.SUCCESS },
        usage: { costMicroUsd: 500_000n },
      }),
    hears: notFound,
  },
  'DecisionService/Release': {
    request: ({ held: reservationId }) =>
      decisions.ReleaseRequest.fromPartial({ requestId: 'r', tenant: north, reservationId }),
    hears: notFound,
  },
  'DecisionService/Extend': {
    request: ({ held: reservationId }) =>
      decisions.ExtendRequest.fromPartial({
        ...{ requestId: 'e', tenant: north, reservationId, add: { costMicroUsd: 1n } },
      }),
    hears: notFound,
  },
};

/** Every method of every service that is generated from proto/, by its name. */
async function everyMethod(): Promise<ReadonlyMap<string, Method>> {
  const folder = new URL('../../src/gen/tollgate/v1/', import.meta.url);
  const methods = new Map<string, Method>();
  for (const file of readdirSync(folder)) {
    const exported = (await import(new URL(file, folder).href)) as Record<string, object>;
    for (const [name, service] of Object.entries(exported)) {
      if (!name.endsWith('ServiceService')) continue;
      for (const method of Object.values(service) as Method[]) {
        methods.set(method.path.replace('/tollgate.v1.', ''), method);
      }
    }
  }
  return methods;
}

async function allOf(messages: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

const methodOf = (name: string): string => name.split(' ')[0] ?? '';
const text = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));

describe('R76 a tenant is alone', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let stack: Stack;
  let sql: SqlClient;
  let client: Client;
  let south: South;
  let methods: ReadonlyMap<string, Method>;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedisServer()]);
    const databaseUrl = await postgres.createDatabase();
    const clock = new ManualClock(NOW_MS);
    const options = { configuration: CONFIGURATION, databaseUrl, redisUrl: redis.url, clock };
    stack = await openStack(options);
    sql = pgClient({
      ...{ url: databaseUrl, poolSize: 1, connectTimeoutMs: 20_000, statementTimeoutMs: 20_000 },
      onProblem: () => undefined,
    });
    client = new Client(stack.address, credentials.createInsecure());
    methods = await everyMethod();
    south = await fillSouth(stack);
  });

  afterAll(async () => {
    client.close();
    await sql.close();
    await stack[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  /** All that is kept of south: rows, windows, violations. */
  async function standOfSouth(): Promise<string> {
    const tables = await sql.query<{ name: string }>(
      `select c.table_name as name from information_schema.columns c
       join information_schema.tables t using (table_schema, table_name)
       where c.table_schema = 'tollgate' and c.column_name = 'tenant'
         and t.table_type = 'BASE TABLE' order by 1`,
    );
    const stands: string[] = [];
    for (const { name } of tables) {
      const [row] = await sql.query<{ rows: string }>(
        `select count(*) || ' ' || coalesce(md5(string_agg(r, '' order by r)), '') as rows
         from (select to_jsonb(t)::text as r from tollgate.${name} t where tenant = 'south') x`,
      );
      stands.push(`${name} ${row?.rows}`);
    }
    const call = queries.GetRateStatusRequest.fromPartial({ call: callOf('south') });
    const rates = (await ask('QueryService/GetRateStatus', call)) as queries.GetRateStatusResponse;
    // Redis goes by a clock of its own, so when a window is whole again changes by itself.
    const left = rates.rateStatus.map(({ limitId, scope, remaining }) => [
      limitId,
      scope,
      remaining,
    ]);
    return text([stands, left, await stack.limiter.violations('south')]);
  }

  function ask(name: string, request: unknown): Promise<unknown> {
    const method = methods.get(methodOf(name))!;
    const ends = [method.path, method.requestSerialize, method.responseDeserialize] as const;
    if (method.responseStream) {
      const stream = client.makeServerStreamRequest(...ends, request);
      return allOf(stream as AsyncIterable<unknown>);
    }
    return new Promise((resolve) => {
      client.makeUnaryRequest(...ends, request, (error: ServiceError | null, answer?: unknown) =>
        resolve(error ? { code: error.code, details: error.details } : answer),
      );
    });
  }

  it('every method of every service has a case', () => {
    const covered = new Set(Object.keys(CASES).map(methodOf));
    expect([...covered].toSorted()).toEqual([...methods.keys()].toSorted());
  });

  it('south has something of everything', async () => {
    const counted = await sql.query<{ name: string; count: number }>(
      ['account', 'reservation', 'entry', 'lineage', 'lineage_person', 'person_key']
        .map((name) => `select '${name}' as name, count(*)::integer from tollgate.${name}`)
        .join(' union all '),
    );
    for (const { name, count } of counted) expect(count, name).toBeGreaterThan(0);
    expect(south.token).not.toBe('');
    const list = queries.ListDecisionsRequest.fromPartial({ tenant: 'south', email: EMAIL });
    const found = (await ask('QueryService/ListDecisions', list)) as { records: unknown[] };
    expect(found.records).toHaveLength(south.decisionIds.length);
    const traced = queries.ListDecisionsRequest.fromPartial({ tenant: 'south', traceId: TRACE });
    expect(await ask('QueryService/ListDecisions', traced)).toMatchObject({ records: [{}] });
    const usage = queries.GetUsageRequest.fromPartial({ tenant: 'south', ...SPAN });
    expect(await ask('QueryService/GetUsage', usage)).toMatchObject({
      rows: [{ committedMicroUsd: 500_000n }],
    });
  });

  it.each(Object.entries(CASES))('%s', async (name, { request, hears }) => {
    const before = await standOfSouth();
    const heard = await ask(name, request(south));
    expect(heard).toMatchObject(hears as object);
    await stack.flush();
    expect(await standOfSouth()).toBe(before);
    const said = text(heard);
    for (const id of ['south', TRACE, ...south.decisionIds, south.held, south.committed]) {
      expect(said).not.toContain(id);
    }
  });
});

function inTrace(
  stack: Stack,
  request: Parameters<typeof decisions.AuthorizeRequest.fromPartial>[0],
): Promise<decisions.AuthorizeResponse> {
  const metadata = new Metadata();
  metadata.set('traceparent', `00-${TRACE}-${'c'.repeat(16)}-01`);
  const sent = decisions.AuthorizeRequest.fromPartial(request);
  return new Promise((resolve, reject) => {
    stack.decisions.authorize(sent, metadata, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

/** A look with a token, two holds of which one is settled, and denials; all windows are used up. */
async function fillSouth(stack: Stack): Promise<South> {
  const call = callOf('south');
  const looked = await inTrace(stack, { requestId: 'look', call });
  const spare = await send.authorize(stack, { requestId: 'spare', call });
  const held = await send.reserve(stack, { requestId: 'hold', call });
  const done = await send.reserve(stack, { requestId: 'settle', call });
  const committed = done.reservation?.reservationId ?? '';
  await send.commit(stack, {
    ...{ requestId: 'done', tenant: 'south', reservationId: committed, outcome: Outcome.SUCCESS },
    usage: { costMicroUsd: 500_000n },
  });
  const rest = [];
  for (const requestId of ['fifth', 'sixth', 'seventh']) {
    rest.push(await send.authorize(stack, { requestId, call }));
  }
  expect(rest.at(-1)?.decision?.effect).toBe(Effect.DENY);
  const counts = [{ limitId: 'org', scope: 'organization:south', windowMs: 3_600_000, count: 3 }];
  await stack.limiter.addViolations('south', counts);
  await stack.flush();
  const all = [looked, spare, held, done, ...rest];
  return {
    decisionIds: all.map(({ decision }) => decision?.decisionId ?? ''),
    held: held.reservation?.reservationId ?? '',
    committed,
    token: spare.decision?.grant?.token ?? '',
  };
}
