import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../test/support/postgres-server.ts';
import { figure, figureBelow, type Figure } from './figures.ts';
import { LOAD_CORE, median, SERVER_CORE } from './load.ts';
import type { PolicyBench } from './policy-bench.ts';
import type { LoadOrder, LoadResult } from './policy-loader.ts';
import { policyFile } from './policy-mix.ts';
import type { SwapOrder, SwapResult } from './policy-swapper.ts';
import { Worker } from './worker.ts';

const POLICIES = 10_000;
const TARGET_LOAD_MS = 2_000;
const TARGET_PAUSE_MS = 10;
/** The thread that reads has a core beside the one that decides, as on any machine with two. */
const BOTH_CORES = `${SERVER_CORE},${LOAD_CORE}`;

/** What ten thousand policies cost when a server starts, and when a running one takes them up. */
export async function benchLoad(bench: PolicyBench): Promise<readonly Figure[]> {
  const text = policyFile(POLICIES);
  const loadMs: number[] = [];
  for (let round = 0; round < bench.effort.loads; round++) loadMs.push(await loadOnce(text));
  return [
    figure(`${POLICIES} policies as YAML`, Buffer.byteLength(text) / 1024, 'KiB'),
    figureBelow(`load ${POLICIES} policies`, median(loadMs), 'ms', TARGET_LOAD_MS),
    ...(await swapping(bench, text)),
  ];
}

/** In a process that has read nothing before, as at a start. */
async function loadOnce(text: string): Promise<number> {
  const script = join(import.meta.dirname, 'policy-loader.ts');
  await using loader = new Worker<LoadOrder, LoadResult>(script, SERVER_CORE);
  return (await loader.obey({ text, policies: POLICIES })).tookMs;
}

async function swapping(
  { scratch, effort }: PolicyBench,
  text: string,
): Promise<readonly Figure[]> {
  await using postgres = await startPostgres();
  const config = join(scratch, 'swapped.yaml');
  writeFileSync(config, text);
  const script = join(import.meta.dirname, 'policy-swapper.ts');
  await using swapper = new Worker<SwapOrder, SwapResult>(script, BOTH_CORES);
  const order: SwapOrder = {
    config,
    text,
    dataDir: join(scratch, 'swapper'),
    databaseUrl: await postgres.createDatabase(),
  };
  const idle = await swapper.obey({ ...order, change: false });
  const swaps: SwapResult[] = [];
  for (let round = 0; round < effort.swaps; round++) {
    swaps.push(await swapper.obey({ ...order, change: true }));
  }
  const pauses = swaps.map(({ pauseMs }) => pauseMs);
  return [
    figure('longest pause without a swap', idle.pauseMs, 'ms'),
    figureBelow('longest pause of a swap, median', median(pauses), 'ms', TARGET_PAUSE_MS),
    figureBelow('longest pause of a swap, worst', Math.max(...pauses), 'ms', TARGET_PAUSE_MS),
    figure('from change to in force', median(swaps.map(({ tookMs }) => tookMs)), 'ms'),
  ];
}
