import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publish, type Figure } from './figures.ts';
import type { PolicyBench, PolicyEffort } from './policy-bench.ts';
import { benchCerbos } from './policy-cerbos.ts';
import { benchEvaluate } from './policy-evaluate.ts';
import { benchLoad } from './policy-load.ts';

/**
 * Policies alone: what it takes to evaluate them, to take up ten thousand of them, and to answer
 * over gRPC beside Cerbos, which is given the same policies.
 *
 * While developing: `node bench/run.ts --only policy --quick` takes a minute, and
 * `--section evaluate` (or load, cerbos) runs one of the sections.
 */
export async function benchPolicy({ quick, section }: PolicyBenchOptions = {}): Promise<void> {
  const sections = Object.entries(SECTIONS).filter(([name]) => (section ?? name) === name);
  if (sections.length === 0) {
    throw new Error(`no section "${section}"; sections: ${Object.keys(SECTIONS).join(', ')}`);
  }
  const scratch = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  try {
    const figures: Figure[] = [];
    for (const [, run] of sections) {
      figures.push(...(await run({ scratch, effort: quick ? QUICK : FULL })));
    }
    publish('policy', figures);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export interface PolicyBenchOptions {
  /** Short rounds and few of them, to see where one stands. */
  readonly quick?: boolean;
  /** One of SECTIONS; absent means all. */
  readonly section?: string | undefined;
}

const SECTIONS: Readonly<Record<string, (bench: PolicyBench) => Promise<readonly Figure[]>>> = {
  evaluate: benchEvaluate,
  load: benchLoad,
  cerbos: benchCerbos,
};

const FULL: PolicyEffort = {
  rounds: 5,
  evaluations: 100_000,
  loads: 5,
  swaps: 10,
  calls: 30_000,
  warmCalls: 20_000,
};

const QUICK: PolicyEffort = {
  rounds: 1,
  evaluations: 50_000,
  loads: 2,
  swaps: 3,
  calls: 15_000,
  warmCalls: 15_000,
};
