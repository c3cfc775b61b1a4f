import { join } from 'node:path';
import { figure, type Figure } from './figures.ts';
import { checkBooks } from './ledger-books.ts';
import { cpuUs, LOAD_CORE, median, quantile, SERVER_CORE, type BenchServer } from './load.ts';
import { postgresCpuUs } from './postgres-cpu.ts';
import { CALLERS, ORDINARY_WINDOWS, type WindowsBench } from './windows-bench.ts';
import type { CallOrder, CallResult } from './windows-caller.ts';
import { configurationOf, withBudgets } from './windows-configuration.ts';
import { pinPostgres } from './windows-redis.ts';
import { startSidecar } from './windows-sidecar.ts';
import { Worker } from './worker.ts';

const BOTH_CORES = `${SERVER_CORE},${LOAD_CORE}`;

/**
 * Reserve and Commit over gRPC: policy, twenty windows on Redis, five accounts and the record
 * durably on Postgres, one hot organization. Server, stores and callers share both cores.
 */
export async function benchWhole(bench: WindowsBench): Promise<readonly Figure[]> {
  await bench.redis.pin(BOTH_CORES);
  await pinPostgres(bench.postgres, BOTH_CORES);
  const databaseUrl = await bench.postgres.createDatabase();
  const { primed, full, half } = await measureAll(bench, databaseUrl);
  const cycles = [primed, ...full, ...half].reduce((sum, one) => sum + one.cycles, 0);
  return [
    ...figuresOf(`reserve + commit, ${CALLERS} callers`, full),
    ...figuresOf('reserve + commit at half load', half),
    ...(await checkBooks(databaseUrl, cycles)),
  ];
}

type Caller = Worker<CallOrder, CallResult>;

interface Round extends CallResult {
  readonly perSecond: number;
  /** A cycle, as the three below. */
  readonly serverUs: number;
  readonly redisUs: number;
  readonly postgresUs: number;
  readonly callerUs: number;
}

interface Rounds {
  readonly primed: Round;
  readonly full: readonly Round[];
  readonly half: readonly Round[];
}

async function measureAll(bench: WindowsBench, databaseUrl: string): Promise<Rounds> {
  const { wholePrimeMs, roundMs, rounds } = bench.effort;
  const configuration = withBudgets(configurationOf(ORDINARY_WINDOWS));
  const sidecar = { configuration, databaseUrl, record: 'on', cores: BOTH_CORES } as const;
  await using server = await startSidecar(bench, sidecar);
  const script = join(import.meta.dirname, 'windows-caller.ts');
  await using caller: Caller = new Worker(script, BOTH_CORES);
  const order = { address: `127.0.0.1:${server.port}`, callers: CALLERS };
  const primed = await measure(bench, server, caller, { ...order, ms: wholePrimeMs });
  const full: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    full.push(await measure(bench, server, caller, { ...order, ms: roundMs }));
  }
  const cyclesPerSecond = medianOf(full, ({ perSecond }) => perSecond) / 2;
  const half: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    half.push(await measure(bench, server, caller, { ...order, ms: roundMs, cyclesPerSecond }));
  }
  return { primed, full, half };
}

async function measure(
  { redis, postgres }: WindowsBench,
  server: BenchServer,
  caller: Caller,
  order: CallOrder,
): Promise<Round> {
  const usedUs = async (): Promise<readonly number[]> => [
    cpuUs(server.pid),
    await redis.cpuUs(),
    postgresCpuUs(postgres),
  ];
  const before = await usedUs();
  const result = await caller.obey(order);
  const after = await usedUs();
  const each = (index: number): number =>
    ((after[index] ?? NaN) - (before[index] ?? NaN)) / result.cycles;
  return {
    ...result,
    perSecond: (result.cycles * 1000) / result.elapsedMs,
    serverUs: each(0),
    redisUs: each(1),
    postgresUs: each(2),
    callerUs: result.cpuUs / result.cycles,
  };
}

function medianOf(rounds: readonly Round[], value: (round: Round) => number): number {
  return median(rounds.map(value));
}

function figuresOf(name: string, rounds: readonly Round[]): readonly Figure[] {
  const latency = (list: 'reserveMs' | 'commitMs', share: number): number =>
    medianOf(rounds, (round) =>
      quantile(
        round[list].toSorted((a, b) => a - b),
        share,
      ),
    );
  const cpu = (of: string, value: (round: Round) => number): Figure =>
    figure(`${name}, ${of} CPU`, medianOf(rounds, value), 'µs/cycle');
  return [
    figure(
      name,
      medianOf(rounds, ({ perSecond }) => perSecond),
      'cycles/s',
    ),
    figure(`${name}, reserve p50`, latency('reserveMs', 0.5), 'ms'),
    figure(`${name}, reserve p99`, latency('reserveMs', 0.99), 'ms'),
    figure(`${name}, commit p50`, latency('commitMs', 0.5), 'ms'),
    figure(`${name}, commit p99`, latency('commitMs', 0.99), 'ms'),
    cpu('server', ({ serverUs }) => serverUs),
    cpu('Redis', ({ redisUs }) => redisUs),
    cpu('Postgres', ({ postgresUs }) => postgresUs),
    cpu('callers', ({ callerUs }) => callerUs),
  ];
}
