import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
  MAX_VIOLATIONS,
  type Violation,
  type ViolationCount,
} from '../../../src/limits/violation.ts';
import { MINUTE_MS, START_MS, type RateLimiterFixture } from './fixture.ts';

function countOf(change: Partial<ViolationCount> = {}): ViolationCount {
  return { limitId: 'calls', scope: 'user:alice', windowMs: MINUTE_MS, count: 1, ...change };
}

/** Violations of limits are counted by every adapter alike. */
export function describeViolations(
  name: string,
  makeAdapter: () => Promise<RateLimiterFixture>,
): void {
  describe(`RateLimiter violations: ${name}`, () => {
    let fixture: RateLimiterFixture;
    let tenant: string;
    beforeAll(async () => {
      fixture = await makeAdapter();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());
    beforeEach(() => {
      tenant = `org-${randomUUID()}`;
      fixture.clock.set(START_MS);
    });

    const add = async (...counts: ViolationCount[]): Promise<readonly Violation[]> => {
      const sums = await fixture.limiter.addViolations(tenant, counts);
      if ('kind' in sums) throw new Error(sums.problem);
      return sums;
    };
    const list = async (of = tenant): Promise<readonly Violation[]> => {
      const all = await fixture.limiter.violations(of);
      if ('kind' in all) throw new Error(all.problem);
      return all.toSorted((a, b) => (a.scope < b.scope ? -1 : 1));
    };

    it('R32 adds up by limit and owner, with the first and the latest time', async () => {
      await add(countOf({ count: 3 }), countOf({ scope: 'user:bob', limitId: 'a|b c' }));
      fixture.clock.advance(10_000);
      const [sum] = await add(countOf({ count: 2, windowMs: 5_000 }));
      const times = { firstAtMs: START_MS, lastAtMs: START_MS + 10_000, minutesInRow: 1 };
      const alice = { ...countOf({ count: 5, windowMs: 5_000 }), ...times };
      expect(sum).toEqual(alice);
      expect(await list()).toEqual([
        alice,
        {
          ...countOf({ scope: 'user:bob', limitId: 'a|b c' }),
          firstAtMs: START_MS,
          lastAtMs: START_MS,
          minutesInRow: 1,
        },
      ]);
    });

    it('R32 minutes in a row are counted, and a minute without begins anew', async () => {
      const rows: number[] = [];
      for (const moveMs of [0, 1, MINUTE_MS, MINUTE_MS, 2 * MINUTE_MS, MINUTE_MS]) {
        fixture.clock.advance(moveMs);
        rows.push((await add(countOf()))[0]?.minutesInRow ?? 0);
      }
      expect(rows).toEqual([1, 1, 2, 3, 1, 2]);
    });

    it('R76 a tenant sees its own only', async () => {
      await add(countOf());
      expect(await list(`org-${randomUUID()}`)).toEqual([]);
    });

    it('keeps so many of a tenant apart and no more, and goes on counting those', async () => {
      const many = Array.from({ length: MAX_VIOLATIONS + 5 }, (_, user) =>
        countOf({ scope: `user:${user}` }),
      );
      expect(await add(...many)).toHaveLength(MAX_VIOLATIONS);
      expect(await add(countOf({ scope: 'user:0' }), countOf({ scope: 'new' }))).toMatchObject([
        { scope: 'user:0', count: 2 },
      ]);
      expect(await list()).toHaveLength(MAX_VIOLATIONS);
    });
  });
}
