import { join } from 'node:path';
import { figure, type Figure } from './figures.ts';
import { LOAD_CORE, median, quantile, startPinned, untilQuiet, type BenchServer } from './load.ts';
import { ORDINARY_WINDOWS, type WindowsBench } from './windows-bench.ts';
import { configurationOf } from './windows-configuration.ts';
import { pinPostgres } from './windows-redis.ts';
import { driveAuthorize, startSidecar, type AuthorizeRun } from './windows-sidecar.ts';

const TARGET_RATIO = 0.5;

type Name = 'echo' | 'off' | 'on';
const NAMES: readonly Name[] = ['echo', 'off', 'on'];

/**
 * Authorize with policy and twenty windows against a bare grpc-js echo of the same message on the
 * same core, by turns. Redis, Postgres and h2load have the other core.
 */
export async function benchAuthorize(bench: WindowsBench): Promise<readonly Figure[]> {
  const { redis, postgres } = bench;
  await redis.pin(LOAD_CORE);
  await pinPostgres(postgres, LOAD_CORE);
  const stores = {
    configuration: configurationOf(ORDINARY_WINDOWS),
    databaseUrl: await postgres.createDatabase(),
  };
  await using echo = await startPinned(join(import.meta.dirname, 'echo-server.ts'));
  await using off = await startSidecar(bench, { ...stores, record: 'off' });
  await using on = await startSidecar(bench, { ...stores, record: 'on' });
  return await compare(bench, { echo, off, on });
}

async function compare(
  bench: WindowsBench,
  servers: Readonly<Record<Name, BenchServer>>,
): Promise<readonly Figure[]> {
  const { rounds, calls, warmCalls, pacedCalls } = bench.effort;
  for (const name of NAMES) await driveAuthorize(bench, servers[name], warmCalls);
  const runs: Record<Name, AuthorizeRun[]> = { echo: [], off: [], on: [] };
  for (let round = 0; round < rounds; round++) {
    for (const name of NAMES) runs[name].push(await driveAuthorize(bench, servers[name], calls));
  }
  const half = median(runs.on.map(({ perSecond }) => perSecond)) / 2;
  await untilQuiet(servers.on);
  const paced = await driveAuthorize(bench, servers.on, pacedCalls, half);
  // What the machine and h2load have to do with it: the floor at the same rate.
  const floor = await driveAuthorize(bench, servers.echo, pacedCalls, half);
  const ratio = (name: Name): number =>
    median(runs[name].map((run, round) => run.perSecond / (runs.echo[round]?.perSecond ?? NaN)));
  return [
    figure('windows.authorize', ratio('on'), '×', TARGET_RATIO),
    figure('windows.authorize, record off', ratio('off'), '×', TARGET_RATIO),
    ...figuresOf('echo', runs.echo).slice(0, 2),
    ...figuresOf('authorize, record off', runs.off),
    ...figuresOf('authorize, record on', runs.on),
    figure('authorize at half load', paced.perSecond, 'calls/s'),
    ...latenciesOf('authorize at half load', paced),
    ...latenciesOf('echo at the same rate', floor),
  ];
}

function figuresOf(name: string, runs: readonly AuthorizeRun[]): readonly Figure[] {
  const of = (value: (run: AuthorizeRun) => number): number => median(runs.map(value));
  return [
    figure(
      name,
      of(({ perSecond }) => perSecond),
      'calls/s',
    ),
    figure(
      `${name}, server CPU`,
      of(({ serverUs }) => serverUs),
      'µs/call',
    ),
    figure(
      `${name}, Redis CPU`,
      of(({ redisUs }) => redisUs),
      'µs/call',
    ),
  ];
}

function latenciesOf(name: string, { latenciesUs }: AuthorizeRun): readonly Figure[] {
  const shares = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 };
  return Object.entries(shares).map(([label, share]) =>
    figure(`${name}, ${label}`, quantile(latenciesUs, share) / 1000, 'ms'),
  );
}
