import type { PostgresServer } from '../test/support/postgres-server.ts';
import { figure, type Figure } from './figures.ts';
import { CALLERS, measure, medianOf, type LedgerBench, type Measured } from './ledger-bench.ts';
import { multiply } from './ledger-filler.ts';
import { Sidecar } from './ledger-sidecar.ts';
import { median } from './load.ts';

/** Calls that are made for real, and then multiplied. */
const SEED_MS = 3_000;
/** Of the settled calls, so many are younger than the archive: a week of a busy cluster. */
const HOT_SHARE = 0.05;
/** A hold may cost 1.25 times what it costs on an empty database. */
const TARGET = 1 / 1.25;
/** In one transaction of tollgate.archive. */
const BATCHES_AT_ONCE = 200;
const STATEMENTS = 5_000;

/**
 * What a hold costs on an empty database and on one with `settled` settled calls, by turns: most of
 * them in the archive, the youngest in the hot tables. The seed is moved there by tollgate.archive.
 */
export async function benchGrowth({ server, effort }: LedgerBench): Promise<readonly Figure[]> {
  const empty = await server.createDatabase();
  const grown = await server.createDatabase();
  const archived = await fill(server, grown, effort.grown);
  const [before, after]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < effort.peerRounds; round++) {
    for (const [url, measured] of [[empty, before] as const, [grown, after] as const]) {
      await using sidecar = new Sidecar();
      await sidecar.open({ url });
      await measure(server, [sidecar], { warmMs: 0, measureMs: 500, callers: CALLERS });
      measured.push(await measure(server, [sidecar], { ...effort.round, callers: CALLERS }));
    }
  }
  const ratio = (value: (one: Measured) => number): number =>
    median(before.map((one, index) => value(one) / value(after[index] ?? one)));
  return [
    figure('settled calls in the full database', effort.grown, 'calls'),
    figure('archived', archived, 'entries/s'),
    figure(
      'empty, Postgres CPU',
      medianOf(before, ({ postgresUs }) => postgresUs),
      'µs/cycle',
    ),
    figure(
      'full, Postgres CPU',
      medianOf(after, ({ postgresUs }) => postgresUs),
      'µs/cycle',
    ),
    figure(
      'empty / full, Postgres CPU',
      ratio(({ postgresUs }) => postgresUs),
      '×',
      TARGET,
    ),
    figure(
      'empty',
      medianOf(before, ({ perSecond }) => perSecond),
      'cycles/s',
    ),
    figure(
      'full',
      medianOf(after, ({ perSecond }) => perSecond),
      'cycles/s',
    ),
    figure('full / empty, rate', 1 / ratio(({ perSecond }) => perSecond), '×', TARGET),
  ];
}

/** @returns entries that tollgate.archive moved a second. */
async function fill(server: PostgresServer, url: string, settled: number): Promise<number> {
  await using sidecar = new Sidecar();
  await sidecar.open({ url });
  const seed = { callers: CALLERS, warmMs: 0, measureMs: SEED_MS };
  const first = await sidecar.round(seed);
  const startedMs = performance.now();
  for (let statement = 0; statement < STATEMENTS; statement++) {
    const [row] = await server.run<{ moved: number }>(
      url,
      `select tollgate.archive(clock_timestamp(), ${BATCHES_AT_ONCE}) as moved`,
    );
    if (!row?.moved) break;
  }
  const perSecond = (2 * first.cycles * 1000) / (performance.now() - startedMs);
  const hot = Math.round(settled * HOT_SHARE);
  await multiply(server, url, Math.ceil((settled - hot) / first.cycles) - 1, '_archive');
  const second = await sidecar.round(seed);
  await multiply(server, url, Math.max(1, Math.ceil(hot / second.cycles) - 1));
  await server.run(url, 'vacuum analyze');
  await server.run(url, 'checkpoint');
  return perSecond;
}
