import type { PostgresServer } from '../test/support/postgres-server.ts';
import { figure, type Figure } from './figures.ts';
import { CALLERS, measure, type Effort, type LedgerBench } from './ledger-bench.ts';
import { multiply } from './ledger-filler.ts';
import { Sidecar } from './ledger-sidecar.ts';

/**
 * From this size on there must be no cliff: no size may fall far below what a smaller one reaches.
 * That small batches share the cost of a batch among fewer is no cliff.
 */
const CLIFF_FROM = 64;
const TARGET_FALL = 0.75;
/** The calls that are multiplied to fill the tables are made in this time. */
const SEED_MS = 1_500;
/** For the smallest batches: enough for every lane to be busy. */
const LEAST_CALLERS = 64;
/** So that batches are full while others are under way. */
const CALLERS_PER_PLACE = 3;

/** Cycles a second over the size of batches: on empty tables, on full ones, with statistics. */
export async function benchCurve({ server, effort }: LedgerBench): Promise<readonly Figure[]> {
  const empty = await curve(server, effort, 'empty tables', () => emptyDatabase(server));
  if (effort.settled === 0) return empty;
  const full = await fullDatabase(server, effort.settled);
  const blind = await curve(server, effort, 'full tables, no statistics', async () => full);
  await server.run(full, 'analyze');
  const known = await curve(server, effort, 'full tables, analyzed', async () => full);
  return [...empty, ...blind, ...known];
}

/**
 * Every size has connections of its own, which make their plans on the tables as they find them.
 * Sizes that count are measured several times and the best is taken: this machine is slow now and
 * then, a bad plan is slow always.
 */
async function curve(
  server: PostgresServer,
  { batchSizes, curvePasses, curveRound }: Effort,
  tables: string,
  databaseFor: () => Promise<string>,
): Promise<readonly Figure[]> {
  const rates = new Map<number, number>();
  await using sidecar = new Sidecar();
  for (let pass = 0; pass < curvePasses; pass++) {
    for (const maxBatch of batchSizes.filter((size) => pass === 0 || size >= CLIFF_FROM)) {
      await sidecar.open({ url: await databaseFor(), groupCommit: { maxBatch } });
      const callers = Math.max(LEAST_CALLERS, CALLERS_PER_PLACE * maxBatch);
      const { perSecond } = await measure(server, [sidecar], { ...curveRound, callers });
      rates.set(maxBatch, Math.max(perSecond, rates.get(maxBatch) ?? 0));
    }
  }
  const large = [...rates].filter(([size]) => size >= CLIFF_FROM).map(([, rate]) => rate);
  const falls = large.map((rate, place) => rate / Math.max(...large.slice(0, place + 1)));
  return [
    ...[...rates].map(([size, rate]) => figure(`${tables}, batches of ${size}`, rate, 'cycles/s')),
    figure(
      `${tables}, deepest fall from a smaller batch (≥ ${CLIFF_FROM}) to a larger`,
      Math.min(...falls),
      '×',
      TARGET_FALL,
    ),
  ];
}

/** Migrated, empty, and left without statistics, which autovacuum would bring sooner or later. */
async function emptyDatabase(server: PostgresServer): Promise<string> {
  const url = await server.createDatabase();
  await server.run(
    url,
    `do $$ declare name text; begin
       for name in select oid::regclass from pg_class
         where relnamespace = 'tollgate'::regnamespace and relkind = 'r' loop
         execute format('alter table %s set (autovacuum_enabled = false)', name);
       end loop;
     end $$`,
  );
  return url;
}

async function fullDatabase(server: PostgresServer, settled: number): Promise<string> {
  const url = await emptyDatabase(server);
  await using sidecar = new Sidecar();
  await sidecar.open({ url });
  const seed = { callers: CALLERS, warmMs: 0, measureMs: SEED_MS };
  const { cycles } = await sidecar.round(seed);
  await multiply(server, url, Math.ceil(settled / cycles) - 1);
  // Filling leaves much to be written, and whoever comes first writes whole pages to the log.
  await server.run(url, 'checkpoint');
  await sidecar.round(seed);
  return url;
}
