import { figure, type Figure } from './figures.ts';
import { LOAD_CORE, median } from './load.ts';
import type { WindowsBench } from './windows-bench.ts';
import { configurationOf } from './windows-configuration.ts';
import { pinPostgres } from './windows-redis.ts';
import { driveAuthorize, startSidecar } from './windows-sidecar.ts';
import { startTaker, takeRound, type TakeRound, type Taker } from './windows-takes.ts';

/** Windows of one decision, in counters of at most four: one counter to ten. */
const WINDOWS = [1, 2, 4, 8, 16, 20, 40];

/** What one decision costs, each measured several times. */
interface Cost {
  readonly redisUs: readonly number[];
  readonly adapterUs: readonly number[];
  readonly serverUs: readonly number[];
}

/**
 * What a decision costs over the number of its windows: Redis and the adapter with 256 takes under
 * way; the whole server, with the record off, with 64 calls from h2load under way.
 */
export async function benchCurve(bench: WindowsBench): Promise<readonly Figure[]> {
  await pinPostgres(bench.postgres, LOAD_CORE);
  const databaseUrl = await bench.postgres.createDatabase();
  await using taker = await startTaker(bench);
  const figures: Figure[] = [];
  for (const windows of WINDOWS) {
    const configuration = configurationOf(windows);
    const { redisUs, adapterUs } = await costOfTakes(bench, taker, configuration);
    const serverUs = await costOfCalls(bench, configuration, databaseUrl);
    figures.push(...figuresOf(windows, { redisUs, adapterUs, serverUs }));
  }
  return figures;
}

async function costOfTakes(
  bench: WindowsBench,
  taker: Taker,
  configuration: string,
): Promise<Omit<Cost, 'serverUs'>> {
  const { primeMs, roundMs, curveRounds } = bench.effort;
  // Entities with other windows would be turned into these first.
  await bench.redis.empty();
  await takeRound(bench, taker, configuration, primeMs);
  const rounds: TakeRound[] = [];
  for (let round = 0; round < curveRounds; round++) {
    rounds.push(await takeRound(bench, taker, configuration, roundMs));
  }
  return {
    redisUs: rounds.map(({ redisUs }) => redisUs),
    adapterUs: rounds.map(({ nodeUs }) => nodeUs),
  };
}

async function costOfCalls(
  bench: WindowsBench,
  configuration: string,
  databaseUrl: string,
): Promise<readonly number[]> {
  const { warmCalls, curveCalls, curveRounds } = bench.effort;
  await bench.redis.empty();
  await using server = await startSidecar(bench, { configuration, databaseUrl, record: 'off' });
  await driveAuthorize(bench, server, warmCalls);
  const serverUs: number[] = [];
  for (let round = 0; round < curveRounds; round++) {
    serverUs.push((await driveAuthorize(bench, server, curveCalls)).serverUs);
  }
  return serverUs;
}

function figuresOf(windows: number, cost: Cost): readonly Figure[] {
  const name = `${windows} window${windows === 1 ? '' : 's'}`;
  return [
    figure(`${name}, Redis CPU`, median(cost.redisUs), 'µs/decision'),
    figure(`${name}, adapter CPU`, median(cost.adapterUs), 'µs/decision'),
    figure(`${name}, server CPU`, median(cost.serverUs), 'µs/call'),
  ];
}
