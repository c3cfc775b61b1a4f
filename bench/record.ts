import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthorizeRequest } from '../src/gen/tollgate/v1/decision_service.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { figure, figureBelow, publish, type Figure } from './figures.ts';
import {
  cpuUs,
  load,
  median,
  startPinned,
  untilQuiet,
  type BenchServer,
  type LoadResult,
} from './load.ts';
import { policyCall } from './policy-call.ts';
import { benchReplay } from './record-replay.ts';

const PATH = '/tollgate.v1.DecisionService/Authorize';
/** What keeping a record may add to a decision's CPU time. */
const TARGET_SHARE = 0.15;

export interface RecordBenchOptions {
  readonly quick: boolean;
  /** One section alone: cpu or replay. */
  readonly section?: string | undefined;
}

/** Odd numbers of rounds, so that the median is one of them. */
const WHOLE = { rounds: 5, calls: 60_000, warmCalls: 30_000, hours: 72 };
const QUICK = { rounds: 3, calls: 20_000, warmCalls: 20_000, hours: 24 };

/** What the record costs: the same decisions with it and without, by turns on one core. */
export async function benchRecord({ quick, section }: RecordBenchOptions): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  try {
    const effort = quick ? QUICK : WHOLE;
    const sections: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
      cpu: () => benchCpu(scratch, effort),
      replay: () => benchReplay(scratch, effort),
    };
    const figures: Figure[] = [];
    for (const [name, run] of Object.entries(sections)) {
      if (section === undefined || section === name) figures.push(...(await run()));
    }
    publish('record', figures);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function benchCpu(scratch: string, effort: typeof WHOLE): Promise<readonly Figure[]> {
  await using postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase();
  const sidecar = (record: 'on' | 'off'): Promise<BenchServer> =>
    startPinned(join(import.meta.dirname, 'policy-server.ts'), [
      ...['--record', record, '--data-dir', join(scratch, record), '--database-url', databaseUrl],
    ]);
  await using off = await sidecar('off');
  await using on = await sidecar('on');
  return [
    ...(await compare({ off, on }, scratch, effort, 'nobody')),
    ...(await compare({ off, on }, scratch, effort, 'a person')),
  ];
}

type Servers = Readonly<Record<'off' | 'on', BenchServer>>;

async function compare(
  servers: Servers,
  scratch: string,
  { rounds, calls, warmCalls }: typeof WHOLE,
  who: 'nobody' | 'a person',
): Promise<readonly Figure[]> {
  const message = AuthorizeRequest.encode(policyCall(who === 'a person')).finish();
  const drive = async (name: 'off' | 'on', most: number): Promise<LoadResult> => {
    const before = cpuUs(servers[name].pid);
    const run = await load({ server: servers[name], path: PATH, message, calls: most, scratch });
    // What is left to write belongs to these calls, and not to the other server's turn.
    await untilQuiet(servers[name]);
    return { ...run, cpuUsPerCall: (cpuUs(servers[name].pid) - before) / most };
  };
  await drive('off', warmCalls);
  await drive('on', warmCalls);
  const runs: Record<'off' | 'on', number[]> = { off: [], on: [] };
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const name of ['off', 'on'] as const) {
      const run = await drive(name, calls);
      runs[name].push(run.cpuUsPerCall);
      if (name === 'on') rates.push(run.perSecond);
    }
  }
  const added = median(runs.on.map((us, round) => us / (runs.off[round] ?? NaN))) - 1;
  return [
    figureBelow(`record of ${who}, CPU added`, added, 'of a decision', TARGET_SHARE),
    figure(`record of ${who}, off`, median(runs.off), 'µs/call'),
    figure(`record of ${who}, on`, median(runs.on), 'µs/call'),
    figure(`record of ${who}, on`, median(rates), 'calls/s'),
  ];
}
