import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../support/command.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { openStack } from '../support/stack.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const TRACE = join(examples, 'azure-llm-code-2023.csv');
const UNLIMITED = join(examples, 'demo-unlimited.yaml');
const HUNDRED = join(examples, 'demo-100-usd.yaml');

interface Line {
  readonly request_id: string;
  readonly effect_before: string;
  readonly effect: string;
  readonly flip: string;
  readonly committed_before_micro_usd: number;
  readonly committed_micro_usd: number;
}

/** What the sidecar recorded while the trace was driven through it, decided again. */
describe('replay of a driven trace, on real Postgres', () => {
  let postgres: PostgresServer;
  let scratch: string;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'tollgate-replay-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(scratch, { recursive: true });
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  /** @returns the database that the run was recorded in. */
  async function drive(configuration: string, ...options: string[]): Promise<string> {
    const databaseUrl = await postgres.createDatabase();
    const text = readFileSync(configuration, 'utf8');
    await using stack = await openStack({ configuration: text, databaseUrl, clock: systemClock });
    const { exitCode, stderr } = await runCommand([
      ...['drive', '--trace', TRACE, '--address', stack.address, '--run-id', 'run', '--json'],
      ...options,
    ]);
    expect(exitCode, stderr).toBe(0);
    await stack.flush();
    return databaseUrl;
  }

  async function replay(databaseUrl: string, configuration: string, ...options: string[]) {
    vi.stubEnv('DATABASE_URL', databaseUrl);
    const out = join(scratch, 'decisions.jsonl');
    const command = ['replay', '--config', configuration, '--json', '--out', out, ...options];
    const { exitCode, stdout, stderr } = await runCommand(command);
    expect(stderr).toBe('');
    const written = readFileSync(out, 'utf8');
    const lines = written
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    return { exitCode, stdout, written, lines, summary: JSON.parse(stdout) as object };
  }

  /** The configuration of `demo-100-usd.yaml` with half the budget. */
  function halved(): string {
    const path = join(scratch, 'candidate.yaml');
    writeFileSync(path, readFileSync(HUNDRED, 'utf8').replace("cost_usd: '100'", "cost_usd: '50'"));
    return path;
  }

  it('X9 with the same configuration nothing flips, to the micro-dollar', async () => {
    const recorded = await drive(UNLIMITED, '--concurrency', '64');
    const { exitCode, summary, lines } = await replay(recorded, UNLIMITED);
    expect(exitCode).toBe(0);
    expect(summary).toMatchObject({
      coverage: { decisions: 8_819, replayed: 8_819, complete: 8_819, ends_without_call: 0 },
      totals: {
        decisions: 8_819,
        denied_before: 0,
        denied: 0,
        flipped_to_denied: 0,
        flipped_to_allowed: 0,
        spent_before_micro_usd: 909_312_980,
        spent_micro_usd: 909_312_980,
      },
    });
    expect(lines).toHaveLength(8_819);
    const other = lines.find(
      (line) => line.committed_before_micro_usd !== line.committed_micro_usd,
    );
    expect(other).toBeUndefined();
  }, 120_000);

  it('X9 with half the budget those flip that a run with half the budget denies', async () => {
    const one = ['--concurrency', '1', '--limit', '900'];
    const recorded = await drive(HUNDRED, ...one);
    const lived = await drive(halved(), ...one);
    const replayed = await replay(recorded, halved());
    const again = await replay(recorded, halved());
    const truth = await replay(lived, halved());

    expect(replayed.exitCode).toBe(1);
    expect(truth.exitCode).toBe(0);
    const flipped = replayed.lines.filter(({ flip }) => flip !== '');
    const denied = truth.lines.filter(({ effect_before }) => effect_before === 'deny');
    expect(denied.length).toBeGreaterThan(100);
    expect(flipped.every(({ flip }) => flip === 'denied')).toBe(true);
    expect(flipped.map(({ request_id }) => request_id)).toEqual(
      denied.map(({ request_id }) => request_id),
    );
    expect(spentOf(replayed.lines)).toBe(spentOf(truth.lines));

    expect(again.stdout).toBe(replayed.stdout);
    expect(again.written).toBe(replayed.written);
  }, 120_000);
});

function spentOf(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + line.committed_micro_usd, 0);
}
