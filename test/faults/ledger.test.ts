import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { finishHold } from '../../src/decision/finish.ts';
import { openPostgres } from '../../src/stores/postgres/open-postgres.ts';
import { CallerFleet } from '../support/caller-fleet.ts';
import { startCuttingProxy, type CuttingProxy } from '../support/cutting-proxy.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { SidecarProcess } from '../support/sidecar-process.ts';
import { eventually } from './waiting.ts';

const CALLERS = 64;
const CAP_MICRO_USD = 3_000_000n;
/** Before the fault and again after it. */
const CALLS = 250;
const SEED = Date.now() % 1_000_000;
const FREEZE_MS = 2_000;

const CONFIGURATION = `
version: 1
tenants: [{ id: acme }]
agents: [{ id: bot, provider: other }]
policies: [{ id: all, effect: allow }]
budgets:
  - { id: hot, scope: organization, period: total, caps: { cost_usd: '3' } }
  - { id: each, scope: agent, period: monthly, caps: { cost_usd: '1000' } }
`;

/** A real sidecar on a real Postgres under full work, and what may happen to both. */
describe(`X2 X3 X5 the books after a fault, with 64 callers that repeat (seed ${SEED})`, () => {
  let postgres: PostgresServer;
  let proxy: CuttingProxy;
  let databaseUrl: string;
  let sidecar: SidecarProcess;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  beforeEach(async () => {
    databaseUrl = await postgres.createDatabase();
    proxy = await startCuttingProxy(postgres.port);
    const throughProxy = databaseUrl.replace(`:${postgres.port}/`, `:${proxy.port}/`);
    sidecar = await SidecarProcess.start({
      configuration: CONFIGURATION,
      databaseUrl: throughProxy,
    });
  });
  afterEach(async () => {
    await sidecar[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const hotAccount = async (): Promise<{ held: bigint; committed: bigint }> => {
    const [row] = await postgres.run<{ held: string; committed: string }>(
      databaseUrl,
      `select held_cost as held, committed_cost as committed from tollgate.account
        where budget_id = 'hot'`,
    );
    return { held: BigInt(row?.held ?? 0), committed: BigInt(row?.committed ?? 0) };
  };

  const faults: Readonly<Record<string, () => Promise<void>>> = {
    'SIGKILL of the sidecar': async () => {
      await sidecar.end('SIGKILL');
      await sidecar.start();
    },
    'SIGKILL of a Postgres backend': async () => {
      const [backend] = await postgres.run<{ pid: number }>(
        databaseUrl,
        `select pid from pg_stat_activity where application_name = 'tollgate' limit 1`,
      );
      process.kill(backend?.pid ?? NaN, 'SIGKILL');
    },
    'a crash of the whole Postgres': async () => {
      await postgres.kill();
      await postgres.start();
    },
    'SIGSTOP of Postgres': async () => {
      postgres.freeze();
      await new Promise((resolve) => setTimeout(resolve, FREEZE_MS));
      postgres.thaw();
    },
    'connections cut in the middle of an answer': () => {
      expect(proxy.cutNextAnswers()).toBeGreaterThan(0);
      return Promise.resolve();
    },
  };

  it.each(Object.keys(faults))('%s', { timeout: 90_000 }, async (name) => {
    const fleet = new CallerFleet(sidecar.address, CALLERS, SEED);
    const finished = (): number => fleet.told.settled + fleet.told.denied;
    await eventually(() => finished() >= CALLS, 'the callers did not get going');
    await faults[name]?.();
    const atFault = finished();
    await eventually(() => finished() >= atFault + CALLS, 'the callers did not recover');
    const reading = await hotAccount();
    expect(reading.held + reading.committed).toBeLessThanOrEqual(CAP_MICRO_USD);

    const told = await fleet.stop();
    expect(await hotAccount()).toEqual({ held: 0n, committed: told.committedMicroUsd });
    expect(told.committedMicroUsd).toBeLessThanOrEqual(CAP_MICRO_USD);
    const stores = openPostgres({ url: databaseUrl, finishHold });
    try {
      expect(await stores.verify()).toMatchObject({ kind: 'ok' });
    } finally {
      await stores.close();
    }
  });
});
