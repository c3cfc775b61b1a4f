import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthorizeRequest } from '../src/gen/tollgate/v1/decision_service.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { figure, publish } from './figures.ts';
import { policyCall } from './policy-call.ts';
import {
  load,
  median,
  quantile,
  startPinned,
  untilQuiet,
  type BenchServer,
  type LoadResult,
} from './load.ts';

const PATH = '/tollgate.v1.DecisionService/Authorize';
/**
 * Odd, so that the median is a run. Each round measures every server once, so that drift hits all
 * alike.
 */
const ROUNDS = 5;
const CALLS = 60_000;
const WARM_CALLS = 30_000;
const PACED_CALLS = 20_000;
const TARGET_RATIO = 0.7;

/** Policy-only Authorize against a bare grpc-js echo of the same message on the same core. */
export async function benchDecision(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  try {
    await using postgres = await startPostgres();
    const databaseUrl = await postgres.createDatabase();
    await using echo = await startPinned(join(import.meta.dirname, 'echo-server.ts'));
    const sidecar = (record: 'on' | 'off') =>
      startPinned(join(import.meta.dirname, 'policy-server.ts'), [
        ...['--record', record, '--data-dir', join(scratch, record), '--database-url', databaseUrl],
      ]);
    await using off = await sidecar('off');
    await using on = await sidecar('on');
    await compare({ echo, off, on }, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Name = 'echo' | 'off' | 'on';
type Servers = Readonly<Record<Name, BenchServer>>;

async function compare(servers: Servers, scratch: string): Promise<void> {
  const names: readonly Name[] = ['echo', 'off', 'on'];
  const message = AuthorizeRequest.encode(policyCall()).finish();
  const drive = (name: Name, calls: number, rate?: number): Promise<LoadResult> =>
    load({
      server: servers[name],
      path: PATH,
      message,
      calls,
      scratch,
      ...(rate === undefined ? {} : { rate }),
    });
  for (const name of names) await drive(name, WARM_CALLS);
  const runs: Record<Name, LoadResult[]> = { echo: [], off: [], on: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) runs[name].push(await drive(name, CALLS));
  }
  const perSecond = (name: Name): number => median(runs[name].map((run) => run.perSecond));
  const cpu = (name: Name): number => median(runs[name].map((run) => run.cpuUsPerCall));
  const ratio = (name: Name): number =>
    median(runs[name].map((run, round) => run.perSecond / (runs.echo[round]?.perSecond ?? NaN)));
  await untilQuiet(servers.on);
  const paced = await drive('on', PACED_CALLS, perSecond('on') / 2);
  const latency = (share: number): number => quantile(paced.latenciesUs, share) / 1000;
  publish('decision', [
    figure('authorize / echo, record off', ratio('off'), '×', TARGET_RATIO),
    figure('authorize / echo, record on', ratio('on'), '×', TARGET_RATIO),
    figure('echo', perSecond('echo'), 'calls/s'),
    figure('authorize, record off', perSecond('off'), 'calls/s'),
    figure('authorize, record on', perSecond('on'), 'calls/s'),
    figure('echo, CPU', cpu('echo'), 'µs/call'),
    figure('authorize, record off, CPU', cpu('off'), 'µs/call'),
    figure('authorize, record on, CPU', cpu('on'), 'µs/call'),
    figure('authorize at half load, p50', latency(0.5), 'ms'),
    figure('authorize at half load, p99', latency(0.99), 'ms'),
    figure('authorize at half load, p99.9', latency(0.999), 'ms'),
  ]);
}
