import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { TollgateClient } from '../../clients/typescript/index.ts';
import { finishHold } from '../../src/decision/finish.ts';
import { openPostgres } from '../../src/stores/postgres/open-postgres.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { randomFrom } from '../support/random-from.ts';
import { SidecarProcess } from '../support/sidecar-process.ts';
import { eventually, pause } from './waiting.ts';

const SEED = Number(process.env.RECORD_SEED ?? Date.now() % 1_000_000);
const CALLERS = 32;
const KILLS = 4;
/** Answers between two kills, at most. */
const MOST_BETWEEN = 1_500;
/** `RECORD_AWAY_S=60` for the whole time that is promised. */
const AWAY_S = Number(process.env.RECORD_AWAY_S ?? 8);
/** What records that wait may add to what the same work takes with Postgres: they wait on disk. */
const MOST_ADDED_MB = 150;
/** Calls in progress are recorded in the order in which they end. */
const OUT_OF_ORDER_MS = 2_000;

const POLICIES = `
version: 1
tenants: [{ id: acme }]
agents: [{ id: bot, provider: other }]
policies: [{ id: all, effect: allow }, { id: no-guests, effect: deny, priority: 1,
  conditions: [{ type: principal, users: [guest] }] }]
`;
const CONFIGURATION = `${POLICIES}
limits: [{ id: rate, scope: user, windows: [{ per: minute, limit: 1000000 }] }]
budgets: [{ id: all, scope: organization, period: total, caps: { cost_usd: '1000000' } }]
`;

/** Callers that note the id of every decision that they were answered. */
class Answered {
  readonly ids = new Set<string>();
  readonly #client: TollgateClient;
  readonly #work: Promise<unknown>;
  #stopped = false;

  constructor(address: string, kinds: readonly ('authorize' | 'reserve')[]) {
    this.#client = TollgateClient.connect(address, { retry: { attempts: 1 } });
    this.#work = Promise.all(Array.from({ length: CALLERS }, (_, n) => this.#caller(n, kinds)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
    this.#client.close();
  }

  async #caller(n: number, kinds: readonly ('authorize' | 'reserve')[]): Promise<void> {
    for (let call = 0; !this.#stopped; call += 1) {
      const kind = kinds[call % kinds.length] ?? 'authorize';
      const user = call % 10 === 0 ? 'guest' : `user-${n}`;
      const asked = {
        tenant: 'acme',
        agent: 'bot',
        principal: { user },
        estimate: { costMicroUsd: 5n },
      };
      try {
        const request = { requestId: `${SEED}-${n}-${call}`, call: asked };
        const { decision } = await this.#client[kind](request);
        const reasons = decision.reasons.map(({ code }) => code);
        if (!reasons.includes('record.unavailable')) this.ids.add(decision.decisionId);
      } catch {
        // Nobody was answered: the sidecar is being killed.
        await pause();
      }
    }
  }
}

describe(`X9 R54 the record after faults (RECORD_SEED=${SEED})`, () => {
  let postgres: PostgresServer;
  let databaseUrl: string;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  beforeEach(async () => {
    databaseUrl = await postgres.createDatabase();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const recorded = async (): Promise<ReadonlyMap<string, number>> => {
    const rows = await postgres.run<{ id: string; count: string }>(
      databaseUrl,
      'select decision_id as id, count(*)::text as count from tollgate.lineage_all group by 1',
    );
    return new Map(rows.map(({ id, count }) => [id, Number(count)]));
  };
  const expectEachOnce = async (ids: ReadonlySet<string>): Promise<void> => {
    const counts = await recorded();
    expect([...ids].filter((id) => counts.get(id) !== 1)).toEqual([]);
    const stores = openPostgres({ url: databaseUrl, finishHold });
    try {
      expect(await stores.verify()).toMatchObject({ kind: 'ok' });
    } finally {
      await stores.close();
    }
  };
  /** Lets the journal bring what waits, as a start after the fault does. */
  const drained = async (sidecar: SidecarProcess): Promise<void> => {
    const client = TollgateClient.connect(sidecar.address);
    let waiting = (await client.getStatus()).recordsWaiting;
    while (waiting > 0n) {
      const before = waiting;
      await eventually(async () => {
        waiting = (await client.getStatus()).recordsWaiting;
        return waiting === 0n || waiting < before;
      }, 'records wait on disk and are not brought');
    }
    client.close();
  };

  it(
    'sidecar and Postgres killed at random: every answered decision has its record, once',
    { timeout: 180_000 },
    async () => {
      await using sidecar = await SidecarProcess.start({
        configuration: CONFIGURATION,
        databaseUrl,
      });
      const random = randomFrom(SEED);
      const callers = new Answered(sidecar.address, ['authorize', 'reserve']);
      for (let kill = 0; kill < KILLS; kill++) {
        const after = callers.ids.size + 200 + Math.floor(random() * MOST_BETWEEN);
        await eventually(() => callers.ids.size >= after, 'the callers were not answered');
        if (random() < 0.5) {
          await sidecar.end('SIGKILL');
          await sidecar.start();
        } else {
          await postgres.kill();
          await postgres.start();
        }
      }
      const after = callers.ids.size + 200;
      await eventually(() => callers.ids.size >= after, 'the callers did not recover');
      await callers.stop();
      await drained(sidecar);
      await expectEachOnce(callers.ids);
    },
  );

  it(
    `Postgres away for ${AWAY_S} s at full work: memory is bounded, all records arrive, in order`,
    { timeout: 60_000 + AWAY_S * 4_000 },
    async () => {
      await using sidecar = await SidecarProcess.start({
        configuration: POLICIES,
        databaseUrl,
      });
      // Memories of windows and accounts grow with their own bounds; here only records are kept.
      const callers = new Answered(sidecar.address, ['authorize']);
      const mostMbOf = async (): Promise<number> => {
        const untilMs = Date.now() + AWAY_S * 1_000;
        let most = 0;
        while (Date.now() < untilMs) {
          await pause();
          most = Math.max(most, sidecar.residentMb());
        }
        return most;
      };
      const withPostgres = await mostMbOf();
      await postgres.kill();
      const atFault = callers.ids.size;
      const without = await mostMbOf();
      expect(callers.ids.size).toBeGreaterThan(atFault + 1_000);
      await postgres.start();
      await callers.stop();
      await drained(sidecar);
      expect(without - withPostgres).toBeLessThan(MOST_ADDED_MB);
      await expectEachOnce(callers.ids);
      const [order] = await postgres.run<{ batches: string; backwards: string }>(
        databaseUrl,
        `with sealed as (
         select c.batch, min(l.decided_at) as first, max(l.decided_at) as last
         from tollgate.chain_all c cross join lateral unnest(c.records) r(line)
         join tollgate.lineage_all l on l.tenant = c.tenant
           and l.decision_id = split_part(r.line, ' ', 1)
         group by c.batch
       )
       select count(*)::text as batches,
         count(*) filter (where s.first < s.latest - ${OUT_OF_ORDER_MS} * interval '1 ms')::text
           as backwards
       from (select *, max(last) over (order by batch
         rows between unbounded preceding and 1 preceding) as latest from sealed) s`,
      );
      expect(Number(order?.batches)).toBeGreaterThan(10);
      expect(order?.backwards).toBe('0');
    },
  );
});
