import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILT_IN_DEFAULTS } from '../src/configuration/environment-defaults.ts';
import { loadConfiguration } from '../src/configuration/load.ts';
import type { CounterSpec } from '../src/limits/counter.ts';
import { HOT_BUDGET, TENANT } from './ledger-calls.ts';
import { anybody, USERS } from './windows-bench.ts';

/** Different scopes, so that a call takes from an entity of its own for each. */
const SCOPES: readonly (readonly string[])[] = [
  ['organization'],
  ['team'],
  ['user'],
  ['agent'],
  ['provider'],
  ['team', 'agent'],
  ['user', 'agent'],
  ['team', 'provider'],
  ['user', 'provider'],
  ['agent', 'provider'],
];
const LENGTHS = ['1s', '1m', '1h', '1d'];
/** The most that a window may have: nothing is ever denied. */
const LIMIT = 400_000_000;

/** The policies of policy.yaml, and `windows` windows in counters of four. */
export function configurationOf(windows: number): string {
  const policies = readFileSync(join(import.meta.dirname, 'policy.yaml'), 'utf8');
  // JSON is YAML, too.
  return `${policies}limits: ${JSON.stringify(limitsOf(windows))}\n`;
}

/** With the five accounts that the bench of the ledger charges. */
export function withBudgets(configuration: string): string {
  return `${configuration}budgets: ${JSON.stringify(BUDGETS)}\n`;
}

function limitsOf(windows: number): readonly object[] {
  const counters = Math.ceil(windows / LENGTHS.length);
  return SCOPES.slice(0, counters).map((scope, index) => ({
    id: `per-${scope.join('-')}`,
    scope,
    windows: LENGTHS.slice(0, windows - index * LENGTHS.length).map((per) => ({
      limit: LIMIT,
      per,
    })),
  }));
}

const BUDGETS = [
  budget(HOT_BUDGET, ['organization'], 'monthly'),
  budget('team-month', ['team'], 'monthly'),
  budget('user-day', ['user'], 'daily'),
  budget('team-agent-month', ['team', 'agent'], 'monthly'),
  budget('user-agent-month', ['user', 'agent'], 'monthly'),
];

function budget(id: string, scope: readonly string[], period: string): object {
  return {
    ...{ id, scope, period, time_zone: 'Europe/Berlin' },
    caps: { cost_usd: '1000000000', invocations: 10 ** 12 },
  };
}

/** What the calls of many users take from, by the limits of a configuration. */
export function countersOfUsers(configuration: string): readonly (readonly CounterSpec[])[] {
  const nowMs = Date.now();
  const load = loadConfiguration(configuration, {
    file: 'bench',
    environmentDefaults: BUILT_IN_DEFAULTS,
    changedAtMs: nowMs,
    nowMs,
    previous: undefined,
  });
  if (load.kind === 'refused') throw new Error(JSON.stringify(load.problems, null, 2));
  const call = {
    organization: TENANT,
    agent: 'copilot-hr',
    provider: 'copilot_studio',
    environment: 'production',
    roles: ['employee'],
    tier: '',
  };
  return Array.from(
    { length: USERS },
    () => load.snapshot.limits.select({ ...call, ...anybody() }, 0n, nowMs).counters,
  );
}
