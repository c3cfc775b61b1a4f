import type { GroupCommitSettings } from '../src/stores/postgres/group-commit.ts';
import { figure, type Figure } from './figures.ts';
import {
  CALLERS,
  mean,
  measure,
  medianOf,
  type LedgerBench,
  type Measured,
} from './ledger-bench.ts';
import { commitRequest, holdRequest } from './ledger-calls.ts';
import { Sidecar } from './ledger-sidecar.ts';
import { median, quantile } from './load.ts';

const FEW_CALLERS = 16;
const TARGET_RATIO = 25;
/** Enough for the compiler to have seen all of it; the second half is measured. */
const REQUESTS = 40_000;

/**
 * One transaction per request: as many connections as help, and two for the rest. Everything else
 * is the same.
 */
const PEER: { readonly poolSize: number; readonly groupCommit: Partial<GroupCommitSettings> } = {
  poolSize: 34,
  groupCommit: { lanes: 32, maxBatch: 1 },
};

/** Every connection compiles the ledger's functions and makes its plans before anything counts. */
const PRIMING = { warmMs: 0, measureMs: 800 };

/** Group commit against one transaction per request, by turns on the same database. */
export async function benchPeer(bench: LedgerBench): Promise<readonly Figure[]> {
  const { server, url, effort } = bench;
  await using group = new Sidecar();
  await using peer = new Sidecar();
  await group.open({ url });
  await peer.open({ url, ...PEER });
  for (const sidecar of [group, peer]) {
    const { cycles } = await measure(server, [sidecar], { ...PRIMING, callers: CALLERS });
    bench.spent(cycles);
  }
  const [many, single, few]: [Measured[], Measured[], Measured[]] = [[], [], []];
  for (let round = 0; round < effort.peerRounds; round++) {
    many.push(await measure(server, [group], { ...effort.round, callers: CALLERS }));
    single.push(await measure(server, [peer], { ...effort.round, callers: CALLERS }));
    few.push(await measure(server, [group], { ...effort.round, callers: FEW_CALLERS }));
  }
  for (const { cycles } of [...many, ...single, ...few]) bench.spent(cycles);
  const ratios = many.map((one, index) => one.perSecond / (single[index]?.perSecond ?? NaN));
  return [
    figure('ledger.ratio', median(ratios), '×', TARGET_RATIO),
    ...figuresOf(`group commit, ${CALLERS} callers`, many),
    ...figuresOf(`one transaction per request, ${CALLERS} callers`, single),
    ...figuresOf(`group commit, ${FEW_CALLERS} callers`, few),
    figure('of the Node CPU, making the requests', requestUs(), 'µs/cycle'),
  ];
}

function figuresOf(name: string, rounds: readonly Measured[]): readonly Figure[] {
  const latency = (list: 'holdMs' | 'commitMs', share: number): number =>
    medianOf(rounds, (round) => quantile(round[list], share));
  const batch = (label: string, of: (batches: readonly number[]) => number): Figure =>
    figure(
      `${name}, batch, ${label}`,
      medianOf(rounds, ({ batches }) => of(batches)),
      'operations',
    );
  return [
    figure(
      name,
      medianOf(rounds, ({ perSecond }) => perSecond),
      'cycles/s',
    ),
    figure(`${name}, hold p50`, latency('holdMs', 0.5), 'ms'),
    figure(`${name}, hold p99`, latency('holdMs', 0.99), 'ms'),
    figure(`${name}, commit p50`, latency('commitMs', 0.5), 'ms'),
    figure(`${name}, commit p99`, latency('commitMs', 0.99), 'ms'),
    batch('mean', mean),
    batch('p10', (batches) => quantile(batches, 0.1)),
    batch('p50', (batches) => quantile(batches, 0.5)),
    batch('p90', (batches) => quantile(batches, 0.9)),
    batch('largest', (batches) => quantile(batches, 1)),
    figure(
      `${name}, Node CPU`,
      medianOf(rounds, ({ nodeUs }) => nodeUs),
      'µs/cycle',
    ),
    figure(
      `${name}, Postgres CPU`,
      medianOf(rounds, ({ postgresUs }) => postgresUs),
      'µs/cycle',
    ),
  ];
}

/** What the callers themselves cost, which are in the same process. */
function requestUs(): number {
  let cpu = process.cpuUsage();
  for (let made = 0; made < REQUESTS; made++) {
    if (made === REQUESTS / 2) cpu = process.cpuUsage();
    commitRequest(holdRequest());
  }
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / (REQUESTS / 2);
}
