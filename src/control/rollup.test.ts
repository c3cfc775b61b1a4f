import { describe, expect, it } from 'vitest';

import type { Unavailable, UsageSums } from '../decision/ports.ts';
import type { RollUp } from '../decision/usage.ts';
import type { Calibration } from '../pricing/calibration.ts';
import { startCalibrations } from './calibrations.ts';
import { rollUpRound } from './rollup.ts';

const AWAY: Unavailable = { kind: 'unavailable', problem: 'away' };

const step = (change: Partial<RollUp> = {}): RollUp => ({
  batches: 1,
  entries: 1,
  batchesBehind: 0,
  recalibrated: [],
  ...change,
});

/** Answers each step in turn, the last for ever. */
function sumsOf(steps: readonly (RollUp | Unavailable)[]): UsageSums & { asked: number } {
  return {
    asked: 0,
    async rollUp() {
      const next = steps[Math.min(this.asked, steps.length - 1)] ?? AWAY;
      this.asked += 1;
      return next;
    },
    calibrations: async () => [],
  };
}

function kept() {
  const lines: unknown[] = [];
  const log = {
    done: (...told: number[]) => void lines.push(told),
    recalibrated: (one: unknown) => void lines.push(one),
    failed: (problem: string) => void lines.push(problem),
  };
  return { lines, log };
}

describe('a round that sums usage', () => {
  it('goes on until nothing is behind, through batches without an entry', async () => {
    const recalibrated = [
      { tenant: 'acme', agent: 'crm', beforePerMille: 1000, afterPerMille: 1500, calls: 100 },
    ];
    const sums = sumsOf([
      step({ entries: 500, batchesBehind: 9 }),
      step({ entries: 0, batchesBehind: 4, recalibrated }),
      step({ entries: 7 }),
    ]);
    const { lines, log } = kept();
    expect(await rollUpRound(sums, log)).toBe(507);
    expect([sums.asked, lines]).toEqual([3, [...recalibrated, [507, 0]]]);
  });

  it('ends when others have all that is behind, and after a bounded number of steps', async () => {
    const others = sumsOf([step({ batches: 0, entries: 0, batchesBehind: 5 })]);
    const { lines, log } = kept();
    await rollUpRound(others, log);
    expect([others.asked, lines]).toEqual([1, [[0, 5]]]);
    const endless = sumsOf([step({ batchesBehind: 1_000_000 })]);
    await rollUpRound(endless, log);
    expect(endless.asked).toBe(40);
  });

  it('ends soon when it is stopped, and says when the store is away', async () => {
    const sums = sumsOf([step({ batchesBehind: 1_000_000 })]);
    const { log } = kept();
    await rollUpRound(sums, log, AbortSignal.abort());
    expect(sums.asked).toBe(1);
    expect(await rollUpRound(sumsOf([AWAY]), log)).toEqual(AWAY);
  });
});

describe('the factors of estimates', () => {
  const found: Calibration = {
    ...{ tenant: 'acme', agent: 'crm', tableVersion: 'v1', factorPerMille: 1500n },
    ...{ calls: 0, estimatedMicroUsd: 0n, actualMicroUsd: 0n, sinceMs: 0 },
  };

  it('are 1 until they were read, and the last that were read while the store is away', async () => {
    let answer: readonly Calibration[] | Unavailable = AWAY;
    const seen: unknown[] = [];
    const problems: string[] = [];
    const sums = { ...sumsOf([step()]), calibrations: async () => answer };
    const rounds = startCalibrations(sums, {
      seen: (all) => void seen.push(all),
      failed: (problem) => void problems.push(problem),
    });
    const factor = () => rounds.current().factorPerMille('acme', 'crm', 'v1');
    await rounds.stop();
    expect([factor(), problems]).toEqual([1000n, ['away']]);
    answer = [found];
    await rounds.refresh();
    expect([factor(), seen]).toEqual([1500n, [[found]]]);
    const before = rounds.current();
    answer = AWAY;
    await rounds.refresh();
    expect(rounds.current()).toBe(before);
  });
});
