import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../test/support/postgres-server.ts';
import { publish, type Figure } from './figures.ts';
import { benchAuthorize } from './windows-authorize.ts';
import type { WindowsBench, WindowsEffort } from './windows-bench.ts';
import { benchCurve } from './windows-curve.ts';
import { startRedis } from './windows-redis.ts';
import { benchTakes } from './windows-takes.ts';
import { benchWhole } from './windows-whole.ts';

/**
 * Rate windows on a real Redis: five counters of four windows each in every decision, and a
 * thousand users. All limits are so high that nothing is ever denied; a denial or an outage ends
 * the bench.
 *
 * While developing: `node bench/run.ts --only windows --quick` takes three minutes, and
 * `--section authorize` (or redis, curve, whole) runs one of the sections.
 */
export async function benchWindows({ quick, section }: WindowsBenchOptions = {}): Promise<void> {
  const sections = Object.entries(SECTIONS).filter(([name]) => (section ?? name) === name);
  if (sections.length === 0) {
    throw new Error(`no section "${section}"; sections: ${Object.keys(SECTIONS).join(', ')}`);
  }
  const scratch = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  try {
    await using redis = await startRedis();
    await using postgres = await startPostgres({ durable: true, settings: POSTGRES_SETTINGS });
    const figures: Figure[] = [];
    for (const [, run] of sections) {
      await redis.empty();
      figures.push(...(await run({ redis, postgres, scratch, effort: quick ? QUICK : FULL })));
    }
    publish('windows', figures);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export interface WindowsBenchOptions {
  /** Short rounds and few of them, to see where one stands. */
  readonly quick?: boolean;
  /** One of SECTIONS; absent means all. */
  readonly section?: string | undefined;
}

const SECTIONS: Readonly<Record<string, (bench: WindowsBench) => Promise<readonly Figure[]>>> = {
  authorize: benchAuthorize,
  redis: benchTakes,
  curve: benchCurve,
  whole: benchWhole,
};

const FULL: WindowsEffort = {
  rounds: 5,
  calls: 40_000,
  warmCalls: 40_000,
  pacedCalls: 20_000,
  primeMs: 3_000,
  roundMs: 2_000,
  wholePrimeMs: 20_000,
  curveRounds: 3,
  curveCalls: 10_000,
};

const QUICK: WindowsEffort = {
  rounds: 1,
  calls: 12_000,
  warmCalls: 20_000,
  pacedCalls: 5_000,
  primeMs: 2_000,
  roundMs: 1_000,
  wholePrimeMs: 6_000,
  curveRounds: 1,
  curveCalls: 5_000,
};

/** As in the bench of the ledger: what is durable stays as Postgres ships. */
const POSTGRES_SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  synchronous_commit: 'on',
};
