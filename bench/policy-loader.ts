import { readSettings } from '../src/config.ts';
import { loadConfiguration } from '../src/configuration/load.ts';
import { obeyOrders } from './worker.ts';

export interface LoadOrder {
  readonly text: string;
  /** So many are expected to be in force for somebody. */
  readonly policies: number;
}

export interface LoadResult {
  readonly tookMs: number;
}

/** Reads, checks and compiles a configuration. */
async function load({ text, policies }: LoadOrder): Promise<LoadResult> {
  const { environmentDefaults } = readSettings({});
  const nowMs = Date.now();
  const startedMs = performance.now();
  const loaded = loadConfiguration(text, {
    ...{ file: 'bench.yaml', environmentDefaults, changedAtMs: nowMs, nowMs, previous: undefined },
  });
  const tookMs = performance.now() - startedMs;
  if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.problems[0]));
  if (loaded.document.policies.length !== policies) throw new Error('policies are missing');
  return { tookMs };
}

obeyOrders(load);
