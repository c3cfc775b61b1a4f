import { describe, expect, it } from 'vitest';

import type { Decision } from '../decision/decision.ts';
import { ManualClock } from '../lib/clock.ts';
import type { Violation } from '../limits/violation.ts';
import { MemoryRateLimiter } from '../stores/memory/memory-rate-limiter.ts';
import { startViolations } from './violations.ts';

const START_MS = 1_790_000_040_007;
const MINUTE_MS = 60_000;

function denied(scope: string): Decision {
  const message = 'no room';
  return {
    decisionId: 'd',
    effect: 'deny',
    reasons: [
      { code: 'policy.allowed', message },
      { code: 'limit.exceeded', message, rule: 'calls', scope, windowMs: MINUTE_MS },
      { code: 'limit.exceeded', message, rule: 'calls', scope, windowMs: 1_000 },
    ],
    windows: [],
    accounts: [],
    grant: undefined,
    obligations: [],
    exemptions: [],
    degraded: false,
    price: undefined,
    explanation: undefined,
    configurationRevision: '1',
    decidedAtMs: START_MS,
  };
}

function open() {
  const clock = new ManualClock(START_MS);
  const limiter = new MemoryRateLimiter({ clock });
  const told: [string, Violation][] = [];
  const problems: string[] = [];
  const violations = startViolations(limiter, {
    sustained: (tenant, violation) => told.push([tenant, violation]),
    failed: (problem) => problems.push(problem),
  });
  return { clock, limiter, told, problems, violations };
}

describe('counting violations', () => {
  it('R32 brings to the store what was seen, once', async () => {
    const { limiter, violations } = open();
    for (const scope of ['user:ann', 'user:ann', 'user:bob']) violations.see(denied(scope), 'acme');
    expect(await violations.flush()).toBe(2);
    expect(await violations.flush()).toBe(0);
    expect(await limiter.violations('acme')).toMatchObject([
      { limitId: 'calls', scope: 'user:ann', count: 4, windowMs: MINUTE_MS },
      { limitId: 'calls', scope: 'user:bob', count: 2 },
    ]);
    await violations.stop();
  });

  it('R32 tells once of a limit that denies five minutes in a row, and again after a rest', async () => {
    const { clock, told, violations } = open();
    const minute = async (): Promise<void> => {
      violations.see(denied('user:ann'), 'acme');
      await violations.flush();
      clock.advance(MINUTE_MS);
    };
    for (let minutes = 0; minutes < 4; minutes += 1) await minute();
    expect(told).toEqual([]);
    for (let minutes = 0; minutes < 3; minutes += 1) await minute();
    expect(told).toMatchObject([['acme', { limitId: 'calls', minutesInRow: 5 }]]);
    clock.advance(5 * MINUTE_MS);
    for (let minutes = 0; minutes < 5; minutes += 1) await minute();
    expect(told).toHaveLength(2);
    await violations.stop();
  });

  it('what is seen after a flush is flushed when it stops', async () => {
    const { limiter, violations } = open();
    violations.see(denied('user:ann'), 'acme');
    await violations.stop();
    expect(await limiter.violations('acme')).toHaveLength(1);
  });
});
