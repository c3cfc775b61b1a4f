import { beforeEach, describe, expect, it } from 'vitest';

import type { CounterSpec, OutagePolicy, WindowReading } from '../limits/counter.ts';
import type { LimitSelection } from '../limits/limit-set.ts';
import type { RateLimiter, TakeOutcome, TakeRequest } from './ports.ts';
import { runWindowStage, type WindowStage } from './window-stage.ts';

const MINUTE_MS = 60_000;

function counterOf(limitId: string, change: Partial<CounterSpec> = {}): CounterSpec {
  return {
    limitId,
    scope: 'user:ann',
    crossTenant: false,
    algorithm: 'strict',
    windows: [{ lengthMs: MINUTE_MS, limit: 10 }],
    cost: 1,
    unit: 'requests',
    onOutage: 'deny',
    localPerMille: 0,
    ...change,
  };
}

/** A reading of each window of the counters; those of limits that are named have no room. */
function readingsOf(
  counters: readonly CounterSpec[],
  violated: readonly string[] = [],
): readonly WindowReading[] {
  return counters.flatMap(({ limitId, scope, unit, windows }) =>
    windows.map(({ lengthMs, limit }) => {
      const full = violated.includes(limitId);
      const left = { remaining: full ? 0 : limit - 1, resetAfterMs: lengthMs };
      const room = { violated: full, retryAfterMs: full ? 1_500 : 0 };
      return { limitId, scope, unit, lengthMs, limit, ...left, ...room };
    }),
  );
}

type Script = (request: TakeRequest) => TakeOutcome;

const taken: Script = ({ counters }) => {
  return { kind: 'taken', replayed: false, windows: readingsOf(counters) };
};
const replayed: Script = (request) => {
  return { kind: 'taken', replayed: true, windows: readingsOf(request.counters) };
};
const denied =
  (...violated: readonly string[]): Script =>
  ({ counters }) => {
    return { kind: 'denied', replayed: false, windows: readingsOf(counters, violated) };
  };
const unavailable: Script = () => ({ kind: 'unavailable', problem: 'away' });
const overloaded: Script = () => ({ kind: 'overloaded', retryAfterMs: 10 });
const conflict: Script = () => ({ kind: 'conflict' });

/** A limiter that answers as it is told, and remembers what it was asked. */
interface Scripted {
  readonly limiter: RateLimiter;
  readonly takes: TakeRequest[];
  readonly refunds: TakeRequest[];
  answer: Script;
  /** Limits whose counts it has lost. */
  lost: readonly string[];
}

function scripted(): Scripted {
  const unused = (): never => {
    throw new Error('the stage must not ask this');
  };
  const limiter: RateLimiter = {
    take: (request) => {
      self.takes.push(request);
      return Promise.resolve(self.answer(request));
    },
    refund: (request) => {
      self.refunds.push(request);
      return Promise.resolve('refunded');
    },
    uncounted: (_tenant, counters) => counters.filter(({ limitId }) => self.lost.includes(limitId)),
    settle: unused,
    peek: unused,
    addViolations: unused,
    violations: unused,
    health: unused,
    close: unused,
  };
  const self: Scripted = { limiter, takes: [], refunds: [], answer: taken, lost: [] };
  return self;
}

const EXEMPTED: LimitSelection['exempted'] = [
  {
    limitId: 'lifted',
    scope: 'user:ann',
    exemption: {
      id: 'launch',
      match: {},
      limits: undefined,
      untilMs: undefined,
      grantedBy: 'ops',
      reason: 'launch week',
    },
  },
];

describe('window stage', () => {
  let store: Scripted;
  let local: Scripted;
  beforeEach(() => {
    [store, local] = [scripted(), scripted()];
  });

  function requestOf(counters: readonly CounterSpec[]): TakeRequest {
    return { tenant: 't', requestId: 'r', fingerprint: 'f', callId: 'c', counters };
  }

  function answer(counters: readonly CounterSpec[], exempted = EXEMPTED) {
    const limiters = { limiter: store.limiter, localLimiter: local.limiter };
    return runWindowStage(limiters, requestOf(counters), { exempted });
  }

  async function stage(...counters: readonly CounterSpec[]): Promise<WindowStage> {
    const outcome = await answer(counters);
    if (outcome.kind !== 'windows') throw new Error(`not windows but ${outcome.kind}`);
    return outcome;
  }

  function codesOf({ reasons }: WindowStage): readonly string[] {
    return reasons.map(({ code, rule = '' }) => `${code} ${rule}`.trimEnd());
  }

  const limitIds = ({ counters }: TakeRequest): readonly string[] =>
    counters.map(({ limitId }) => limitId);

  const withPolicy = (limitId: string, onOutage: OutagePolicy, limit = 10): CounterSpec =>
    counterOf(limitId, {
      onOutage,
      localPerMille: onOutage === 'local' ? 250 : 0,
      windows: [{ lengthMs: MINUTE_MS, limit }],
    });

  describe('with a store that answers', () => {
    it('R33 asks nobody where no limit applies, and names what was lifted', async () => {
      const passed = await stage();
      expect(passed).toMatchObject({ allowed: true, windows: [], takenNow: false, outage: false });
      expect(codesOf(passed)).toEqual(['limit.exempted lifted']);
      expect([store.takes, local.takes]).toEqual([[], []]);
    });

    it('X2 notes what was taken, from whom, and how much of each window', async () => {
      const both = [counterOf('calls'), counterOf('tokens', { unit: 'tokens', cost: 7 })];
      const passed = await stage(...both);
      expect(passed).toMatchObject({ allowed: true, takenNow: true, outage: false });
      expect(passed.taken).toEqual([{ limiter: store.limiter, request: requestOf(both) }]);
      expect(passed.windows.map(({ limitId, taken }) => [limitId, taken])).toEqual([
        ['calls', 1],
        ['tokens', 7],
      ]);
      expect(local.takes).toEqual([]);
    });

    it('X3 notes that an earlier try took it', async () => {
      store.answer = replayed;
      expect(await stage(counterOf('calls'))).toMatchObject({ allowed: true, takenNow: false });
    });

    it('R33 denies for each full window, tightest first, exemptions before all', async () => {
      store.answer = denied('a', 'c');
      const outcome = await stage(
        counterOf('c', { cost: 3, unit: 'tokens' }),
        counterOf('b'),
        counterOf('a'),
      );
      expect(outcome).toMatchObject({ allowed: false, taken: undefined, takenNow: false });
      expect(codesOf(outcome)).toEqual([
        'limit.exempted lifted',
        'limit.exceeded a',
        'limit.exceeded c',
      ]);
      const asked = outcome.reasons.map(({ requested, unit }) => [requested, unit]);
      expect(asked.slice(1)).toEqual([
        [1n, 'requests'],
        [3n, 'tokens'],
      ]);
      expect(outcome.reasons[2]).toMatchObject({ retryAfterMs: 1_500, limit: 10n, remaining: 0n });
      expect(outcome.windows.map(({ limitId }) => limitId)).toEqual(['a', 'c', 'b']);
    });

    it('X3 a repeat of a denied request is denied although there is room by now', async () => {
      store.answer = denied();
      const outcome = await stage(counterOf('calls'));
      expect(outcome.allowed).toBe(false);
      expect(codesOf(outcome)).toEqual(['limit.exempted lifted', 'limit.exceeded']);
    });

    it.each([
      ['conflict', conflict],
      ['overloaded', overloaded],
    ])('hands %s on as it is', async (kind, script) => {
      store.answer = script;
      expect(await answer([counterOf('calls')])).toMatchObject({ kind });
    });
  });

  describe('with a store that is away', () => {
    beforeEach(() => {
      store.answer = unavailable;
    });

    it('R33 one limit that denies is enough; all say how they stand, none takes', async () => {
      const outcome = await stage(
        withPolicy('a', 'allow'),
        withPolicy('d', 'deny'),
        withPolicy('l', 'local'),
      );
      expect(outcome).toMatchObject({ allowed: false, taken: undefined, outage: true });
      expect(codesOf(outcome)).toEqual([
        'limit.exempted lifted',
        'limit.outage_allowed a',
        'limit.unavailable d',
        'limit.outage_local l',
      ]);
      expect(outcome.windows.every(({ outage, remaining }) => outage && remaining === 0)).toBe(
        true,
      );
      expect(local.takes).toEqual([]);
    });

    it('R33 limits that let pass take nothing', async () => {
      const outcome = await stage(withPolicy('a', 'allow'), withPolicy('b', 'allow'));
      expect(outcome).toMatchObject({ allowed: true, taken: undefined, takenNow: false });
      expect(local.takes).toEqual([]);
    });

    it('R33 takes the local share, in whole units of every window and of a bucket', async () => {
      const bucket = { lengthMs: 2 * MINUTE_MS, limit: 399, burst: 7 };
      const windows = [{ lengthMs: MINUTE_MS, limit: 11 }, bucket];
      const share = { windows, localPerMille: 250, onOutage: 'local', cost: 2 } as const;
      const outcome = await stage(withPolicy('a', 'allow'), counterOf('l', share));
      expect(outcome).toMatchObject({ allowed: true, takenNow: true, outage: true });
      expect(codesOf(outcome)).toEqual([
        'limit.exempted lifted',
        'limit.outage_allowed a',
        'limit.outage_local l',
      ]);
      const [asked] = local.takes;
      expect(asked?.counters).toMatchObject([
        {
          limitId: 'l',
          cost: 2,
          windows: [
            { lengthMs: MINUTE_MS, limit: 2 },
            { lengthMs: 2 * MINUTE_MS, limit: 99, burst: 1 },
          ],
        },
      ]);
      expect(outcome.taken).toEqual([{ limiter: local.limiter, request: asked }]);
    });

    it('R33 denies when the local share is used up, and says when there is more', async () => {
      local.answer = denied('l');
      const outcome = await stage(withPolicy('a', 'allow'), withPolicy('l', 'local', 10));
      expect(outcome).toMatchObject({ allowed: false, taken: undefined, takenNow: false });
      expect(codesOf(outcome)).toEqual(['limit.exempted lifted', 'limit.unavailable l']);
      expect(outcome.reasons[1]?.message).toContain('2 requests in 60 s, is used up');
      expect(outcome.reasons[1]?.retryAfterMs).toBe(1_500);
    });

    it.each([
      ['unavailable', unavailable],
      ['overloaded', overloaded],
    ])('R33 denies when this process cannot count either: %s', async (_, script) => {
      local.answer = script;
      const outcome = await stage(withPolicy('l', 'local'));
      expect(outcome).toMatchObject({ allowed: false, taken: undefined, outage: true });
      expect(codesOf(outcome)).toEqual(['limit.exempted lifted', 'limit.unavailable l']);
      expect(outcome.reasons[1]?.message).toContain('no room to count');
    });
  });

  describe('with a store that has lost counts', () => {
    beforeEach(() => {
      store.lost = ['lost'];
    });

    it('R33 X13 takes from the others, and lets the lost ones follow their policy', async () => {
      const outcome = await stage(withPolicy('lost', 'local'), counterOf('kept', { cost: 4 }));
      expect(outcome).toMatchObject({ allowed: true, takenNow: true, outage: true });
      expect(codesOf(outcome)).toEqual(['limit.exempted lifted', 'limit.outage_local lost']);
      expect(outcome.reasons[1]?.message).toContain('has lost counts');
      expect(store.takes.map(limitIds)).toEqual([['kept']]);
      expect(local.takes.map(limitIds)).toEqual([['lost']]);
      expect(outcome.taken?.map(({ limiter }) => limiter)).toEqual([store.limiter, local.limiter]);
      expect(outcome.windows).toMatchObject([
        { limitId: 'kept', outage: false, taken: 4 },
        { limitId: 'lost', outage: true, remaining: 0 },
      ]);
      expect([store.refunds, local.refunds]).toEqual([[], []]);
    });

    it('R33 X13 a lost limit that denies spares the others', async () => {
      const outcome = await stage(counterOf('kept'), withPolicy('lost', 'deny'));
      expect(outcome).toMatchObject({ allowed: false, taken: undefined, outage: true });
      expect(codesOf(outcome)).toEqual(['limit.exempted lifted', 'limit.unavailable lost']);
      expect(store.takes).toEqual([]);
    });

    it('R33 X13 asks the store nothing when all are lost', async () => {
      const outcome = await stage(withPolicy('lost', 'allow'));
      expect(outcome).toMatchObject({ allowed: true, taken: undefined, outage: true });
      expect(codesOf(outcome)).toEqual(['limit.exempted lifted', 'limit.outage_allowed lost']);
      expect(store.takes).toEqual([]);
    });

    it.each([
      ['deny', denied('kept'), 'windows'],
      ['are away', unavailable, 'windows'],
      ['conflict', conflict, 'conflict'],
      ['are overloaded', overloaded, 'overloaded'],
    ] as const)('R33 X2 gives the local share back when the others %s', async (_, script, kind) => {
      store.answer = script;
      const outcome = await answer([withPolicy('lost', 'local'), counterOf('kept')]);
      expect(outcome.kind).toBe(kind);
      if (outcome.kind === 'windows') expect(outcome.allowed).toBe(false);
      expect(local.refunds).toEqual(local.takes);
      expect(local.refunds).toHaveLength(1);
      expect(store.refunds).toEqual([]);
    });
  });
});
