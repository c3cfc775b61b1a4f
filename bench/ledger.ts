import { startPostgres } from '../test/support/postgres-server.ts';
import { publish, type Figure } from './figures.ts';
import type { Effort, LedgerBench } from './ledger-bench.ts';
import { checkBooks, checkLocks } from './ledger-books.ts';
import { benchCurve } from './ledger-curve.ts';
import { benchGrowth } from './ledger-growth.ts';
import { benchPeer } from './ledger-peer.ts';
import { benchSidecars } from './ledger-sidecars.ts';

/**
 * Durable holds and commits on one hot organization: fsync and synchronous_commit on, the whole
 * record of each call, five accounts a call. Nothing is pinned to a core.
 *
 * While developing: `node bench/run.ts --only ledger --quick` takes half a minute, and `--section
 * peer` (or sidecars, curve, growth) runs one of the sections. Node, Postgres and the callers share
 * the machine, so keep it quiet.
 */
export async function benchLedger(options: LedgerBenchOptions = {}): Promise<void> {
  const { quick, section } = options;
  const sections = Object.entries({ ...SECTIONS, ...ON_REQUEST }).filter(([name]) =>
    section === undefined ? name in SECTIONS : name === section,
  );
  if (sections.length === 0) {
    throw new Error(
      `no section "${section}"; sections: ${Object.keys({ ...SECTIONS, ...ON_REQUEST }).join(', ')}`,
    );
  }
  await using server = await startPostgres({ durable: true, settings: SERVER_SETTINGS });
  const url = await server.createDatabase();
  let cycles = 0;
  const spent = (more: number): void => {
    cycles += more;
  };
  const figures: Figure[] = [];
  for (const [, run] of sections) {
    figures.push(...(await run({ server, url, effort: quick ? QUICK : FULL, spent })));
  }
  const checks = [...(await checkBooks(url, cycles)), ...(await checkLocks(server))];
  publish('ledger', [...figures, ...checks]);
}

export interface LedgerBenchOptions {
  /** Short rounds and few of them, to see where one stands. */
  readonly quick?: boolean;
  /** One of SECTIONS; absent means all. */
  readonly section?: string | undefined;
}

const SECTIONS: Readonly<Record<string, (bench: LedgerBench) => Promise<readonly Figure[]>>> = {
  peer: benchPeer,
  sidecars: benchSidecars,
  curve: benchCurve,
};

/** Takes a quarter of an hour and 20 GB, so it runs only when it is named. */
const ON_REQUEST: typeof SECTIONS = { growth: benchGrowth };

const FULL: Effort = {
  peerRounds: 5,
  sidecarRounds: 3,
  curvePasses: 2,
  round: { warmMs: 400, measureMs: 1_800 },
  curveRound: { warmMs: 250, measureMs: 800 },
  batchSizes: [1, 4, 16, 64, 128, 256, 512, 1024],
  settled: 300_000,
  grown: 10_000_000,
};

const QUICK: Effort = {
  peerRounds: 3,
  sidecarRounds: 1,
  curvePasses: 1,
  round: { warmMs: 200, measureMs: 700 },
  curveRound: { warmMs: 200, measureMs: 700 },
  batchSizes: [1, 16, 64, 256, 1024],
  settled: 0,
  grown: 200_000,
};

/**
 * Memory and log as a small production server has them; what is durable stays as Postgres ships.
 */
const SERVER_SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  synchronous_commit: 'on',
};
