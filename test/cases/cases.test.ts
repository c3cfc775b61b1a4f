import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ManualClock } from '../../src/lib/clock.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { openStack, type Away } from '../support/stack.ts';
import { runStep, type CaseState, type Step } from './run-step.ts';

/**
 * Decision cases: configuration, then requests and what must be answered. Every request goes
 * through gRPC, the whole pipeline and real stores; every decision is then looked up in the record.
 */
interface CaseFile {
  readonly configuration: object;
  readonly cases: readonly {
    readonly name: string;
    readonly away?: readonly Away[];
    readonly steps: readonly Step[];
  }[];
}

const NOON = Date.UTC(2026, 0, 15, 12);
const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'));
let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
});

describe.each(files)('%s', (name) => {
  const file = parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as CaseFile;

  it.each(file.cases)('$name', async ({ away, steps }) => {
    const clock = new ManualClock(NOON);
    await using stack = await openStack({
      configuration: stringify(file.configuration),
      databaseUrl: await postgres.createDatabase(),
      clock,
      ...(away && { away }),
    });
    const state: CaseState = { stack, clock, answers: new Map(), last: undefined, recorded: [] };
    for (const step of steps) await runStep(state, step);
    if (away) return;
    await stack.flush();
    for (const { decisionId, effect, codes } of state.recorded) {
      const stored = await stack.stores.lineage.get('acme', decisionId);
      if ('kind' in stored) throw new Error(`decision ${decisionId} has no record`);
      expect(stored.decision.effect.toUpperCase()).toBe(effect);
      expect(stored.decision.reasons.map(({ code }) => code)).toEqual(codes);
    }
  });
});
