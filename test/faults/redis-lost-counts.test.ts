import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import type { RateLimiter, TakeOutcome } from '../../src/decision/ports.ts';
import type { RedisRateLimiterOptions } from '../../src/stores/redis/redis-rate-limiter.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';
import { counterOf, requestOf, windowOf } from '../conformance/rate-limiter/fixture.ts';
import { until as untilWithin } from '../support/until.ts';
import { startRedisServer } from '../support/redis-server.ts';

/** Long enough that a busy machine does not mistake a healthy Redis for a frozen one. */
const DEADLINE_MS = 500;
const RECOVERY_MS = 15_000;

type Opened = RateLimiter & AsyncDisposable;

async function open(url: string, options: Partial<RedisRateLimiterOptions> = {}): Promise<Opened> {
  const limiter = await openRedisRateLimiter({ url, deadlineMs: DEADLINE_MS, ...options });
  return Object.assign(limiter, { [Symbol.asyncDispose]: () => limiter.close() });
}

function take(limiter: RateLimiter, tenant: string, requestId?: string): Promise<TakeOutcome> {
  return limiter.take(requestOf(tenant, [counterOf()], requestId));
}

/** Fails for any outcome but `unavailable`. */
function problemOf(outcome: TakeOutcome): string {
  if (outcome.kind !== 'unavailable') throw new Error(`not unavailable but ${outcome.kind}`);
  return outcome.problem;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await untilWithin(async () => holds(), RECOVERY_MS, 'it was not noticed');
}

/** Any answer but that Redis is away. */
async function untilAnswered(limiter: RateLimiter): Promise<void> {
  await until(async () => (await limiter.health()).healthy);
}

const HOUR_MS = 3_600_000;
/** The watch looks every 400 ms, and compares with the look before. */
const TWO_LOOKS_MS = 900;

describe('Redis that has lost its counts', () => {
  it('X13 after FLUSHALL the next call is not decided by what is left, and those after it are', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    await take(limiter, 't', 'r');
    await client.flushall();
    expect(problemOf(await take(limiter, 't', 'r'))).toContain('lost counts');
    expect(limiter.uncounted('t', [counterOf()])).toEqual([counterOf()]);
    expect(await take(limiter, 't', 'r')).toMatchObject({ kind: 'taken', replayed: false });
    client.disconnect();
  });

  it('X13 a flush is noticed within a second although nobody calls, and is told once', async () => {
    const told: string[] = [];
    await using server = await startRedisServer();
    await using limiter = await open(server.url, { log: (message) => told.push(message) });
    const client = new Redis(server.url);
    await take(limiter, 't');
    await client.flushall();
    const seen = performance.now();
    await until(() => limiter.uncounted('t', [counterOf()]).length > 0);
    console.info(`a flush was noticed after ${Math.round(performance.now() - seen)} ms`);
    expect(told.filter((message) => message.includes('lost counts'))).toHaveLength(1);
    client.disconnect();
  });

  it('X13 a process that begins after the flush learns of it from one that saw it', async () => {
    await using server = await startRedisServer();
    await using old = await open(server.url);
    const client = new Redis(server.url);
    await take(old, 't');
    await client.flushall();
    await using young = await open(server.url);
    expect((await take(young, 't')).kind).toBe('taken');
    await until(() => old.uncounted('t', [counterOf()]).length > 0);
    await until(() => young.uncounted('t', [counterOf()]).length > 0);
    client.disconnect();
  });

  it('X13 a loss that is older than a window is no matter to it, also for a new process', async () => {
    await using server = await startRedisServer();
    const client = new Redis(server.url);
    await client.set('tollgate:{*}|e', `another|${Date.now() - HOUR_MS}`);
    await using limiter = await open(server.url);
    expect((await take(limiter, 't')).kind).toBe('taken');
    const days = counterOf({ windows: [windowOf(9, 24 * HOUR_MS)] });
    expect(limiter.uncounted('t', [counterOf(), days])).toEqual([days]);
    client.disconnect();
  });

  it('X13 an operator accepts a loss, and windows count anew', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    await take(limiter, 't');
    await client.flushall();
    await take(limiter, 't');
    expect(limiter.uncounted('t', [counterOf()])).toHaveLength(1);
    await client.set('tollgate:{*}|e', 'operator|0|accepted');
    expect((await take(limiter, 't')).kind).toBe('taken');
    expect(limiter.uncounted('t', [counterOf()])).toEqual([]);
    client.disconnect();
  });

  it('X13 a restart that brings the counts back loses none; one that does not, loses them', async () => {
    await using kept = await startRedisServer({ args: ['--appendonly', 'yes'] });
    await using emptied = await startRedisServer();
    for (const [server, lost] of [
      [kept, 0],
      [emptied, 1],
    ] as const) {
      await using limiter = await open(server.url);
      await take(limiter, 't', 'r');
      await server.stop();
      await server.start();
      await untilAnswered(limiter);
      await take(limiter, 't');
      expect(limiter.uncounted('t', [counterOf()])).toHaveLength(lost);
    }
  });

  it('X13 evicted keys are a loss of counts', async () => {
    await using server = await startRedisServer({ args: ['--maxmemory-policy', 'allkeys-random'] });
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    await take(limiter, 't');
    await until(async () => (await limiter.health()).problem !== '');
    await sleep(TWO_LOOKS_MS);
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory', String(used + 1_000_000));
    for (let key = 0; key < 300; key += 1) await client.set(`other-${key}`, 'x'.repeat(10_000));
    await until(() => limiter.uncounted('t', [counterOf()]).length > 0);
    client.disconnect();
  });
});
