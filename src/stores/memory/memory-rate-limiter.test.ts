import { beforeEach, describe, expect, it } from 'vitest';

import type { TakeOutcome } from '../../decision/ports.ts';
import { ManualClock } from '../../lib/clock.ts';
import type { CounterSpec } from '../../limits/counter.ts';
import { EntityTable } from './entity-table.ts';
import { MemoryRateLimiter } from './memory-rate-limiter.ts';

const START_MS = 1_790_000_040_000;
const MINUTE_MS = 60_000;

function counterOf(scope: string): CounterSpec {
  return {
    limitId: 'calls',
    scope,
    crossTenant: false,
    algorithm: 'strict',
    windows: [{ lengthMs: MINUTE_MS, limit: 10 }],
    cost: 1,
    unit: 'requests',
    onOutage: 'deny',
    localPerMille: 0,
  };
}

describe('memory rate limiter', () => {
  let clock: ManualClock;
  let requests = 0;
  beforeEach(() => {
    clock = new ManualClock(START_MS);
  });

  const takeFrom = (
    limiter: MemoryRateLimiter,
    scope: string,
    id?: string,
  ): Promise<TakeOutcome> => {
    requests += 1;
    const requestId = id ?? `r${requests}`;
    const counters = [counterOf(scope)];
    return limiter.take({ tenant: 't', requestId, fingerprint: 'f', callId: requestId, counters });
  };

  it('X2 at its bound it forgets no counter in use: a new scope is unavailable, known ones go on', async () => {
    const limiter = new MemoryRateLimiter({ clock, maxEntities: 2 });
    await takeFrom(limiter, 'user:a');
    await takeFrom(limiter, 'user:b');
    expect(await takeFrom(limiter, 'user:c')).toMatchObject({ kind: 'unavailable' });
    const outcome = await takeFrom(limiter, 'user:a');
    expect(outcome).toMatchObject({ kind: 'taken', windows: [{ remaining: 8 }] });
  });

  it('at its bound it has room again as soon as a counter is idle', async () => {
    const limiter = new MemoryRateLimiter({ clock, maxEntities: 2 });
    await takeFrom(limiter, 'user:a');
    clock.advance(MINUTE_MS / 2);
    await takeFrom(limiter, 'user:b');
    clock.advance(MINUTE_MS / 2 + MINUTE_MS / 50);
    expect(await takeFrom(limiter, 'user:c')).toMatchObject({ kind: 'taken' });
    expect(await takeFrom(limiter, 'user:d')).toMatchObject({ kind: 'unavailable' });
  });

  it('a denied or refused call keeps nothing in memory', async () => {
    const limiter = new MemoryRateLimiter({ clock, maxEntities: 1 });
    const blocked = { ...counterOf('user:a'), windows: [{ lengthMs: MINUTE_MS, limit: 0 }] };
    const request = {
      tenant: 't',
      requestId: 'x',
      fingerprint: 'f',
      callId: '',
      counters: [blocked],
    };
    expect(await limiter.take(request)).toMatchObject({ kind: 'denied' });
    expect(await takeFrom(limiter, 'user:b')).toMatchObject({ kind: 'taken' });
  });

  it('X3 forgets no verdict before its time: past the bound calls are overloaded, repeats are not', async () => {
    const limiter = new MemoryRateLimiter({ clock, maxReadings: 4 });
    const first = await takeFrom(limiter, 'user:a', 'one');
    clock.advance(1_000);
    await takeFrom(limiter, 'user:a', 'two');
    const outcome = await takeFrom(limiter, 'user:a', 'three');
    expect(outcome).toEqual({ kind: 'overloaded', retryAfterMs: 10 * MINUTE_MS - 1_000 });
    expect(await takeFrom(limiter, 'user:a', 'one')).toEqual({ ...first, replayed: true });
    clock.advance(10 * MINUTE_MS - 1_001);
    expect(await takeFrom(limiter, 'user:a', 'three')).toMatchObject({ kind: 'overloaded' });
    clock.advance(1);
    expect(await takeFrom(limiter, 'user:a', 'three')).toMatchObject({ kind: 'taken' });
  });

  it('a verdict is forgotten after ten minutes', async () => {
    const limiter = new MemoryRateLimiter({ clock });
    await takeFrom(limiter, 'user:a', 'one');
    clock.advance(10 * MINUTE_MS);
    expect(await takeFrom(limiter, 'user:a', 'one')).toMatchObject({ replayed: false });
  });
});

describe('entity table', () => {
  it('drops idle entities in the course of later calls, and none that counts', () => {
    const table = new EntityTable(1_000);
    for (let user = 0; user < 100; user += 1) {
      const opened = table.open('t', [counterOf(`user:${user}`)], START_MS) ?? [];
      table.keep(opened);
      for (const { entity, spec } of opened) {
        entity.take(START_MS + (user < 60 ? 0 : 30_000), spec, '');
      }
    }
    const nowMs = START_MS + MINUTE_MS + MINUTE_MS / 50;
    for (let call = 0; call < 60; call += 1) table.sweep(nowMs, 1);
    expect(table.size).toBe(40);
  });
});
