import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import type { RateLimiter, TakeOutcome } from '../../src/decision/ports.ts';
import type { RedisRateLimiterOptions } from '../../src/stores/redis/redis-rate-limiter.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';
import { counterOf, peekAt, requestOf, tally } from '../conformance/rate-limiter/fixture.ts';
import { startRedisServer } from '../support/redis-server.ts';

/** Long enough that a busy machine does not mistake a healthy Redis for a frozen one. */
const DEADLINE_MS = 500;
/** How much later than the deadline an answer may come on a busy machine; a hang is far beyond. */
const MARGIN_MS = 2_500;
const RECOVERY_MS = 15_000;
const POLL_MS = 25;

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

async function untilTaken(limiter: RateLimiter): Promise<void> {
  const end = Date.now() + RECOVERY_MS;
  for (;;) {
    const outcome = await take(limiter, randomUUID());
    if (outcome.kind === 'taken') return;
    if (Date.now() > end) throw new Error(`no recovery: ${JSON.stringify(outcome)}`);
    await sleep(POLL_MS);
  }
}

/** The answer, or a failure when it takes longer than the deadline and the margin. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = sleep(DEADLINE_MS + MARGIN_MS).then(() => Promise.reject(new Error('too late')));
  return Promise.race([answer, late]);
}

describe('Redis away', () => {
  it('X13 opening does not fail when Redis is down, and finds it once it is there', async () => {
    await using server = await startRedisServer();
    await server.stop();
    await using limiter = await open(server.url);
    expect(await take(limiter, 't')).toMatchObject({ kind: 'unavailable' });
    expect(await limiter.health()).toMatchObject({ adapter: 'redis', healthy: false });
    await server.start();
    await untilTaken(limiter);
    expect(await limiter.health()).toMatchObject({ healthy: true, problem: '' });
  });

  it.each(['stop', 'kill'] as const)(
    'X13 after %s every call is answered unavailable with a problem, and a restart is enough',
    async (end) => {
      await using server = await startRedisServer();
      await using limiter = await open(server.url);
      await untilTaken(limiter);
      await server[end]();
      for (let call = 0; call < 10; call += 1) {
        expect(problemOf(await inTime(take(limiter, 't')))).not.toBe('');
      }
      const request = requestOf('t', [counterOf()], 'r');
      expect(await limiter.refund(request)).toMatchObject({ kind: 'unavailable' });
      expect(await limiter.peek('t', [counterOf()])).toMatchObject({ kind: 'unavailable' });
      await server.start();
      await untilTaken(limiter);
    },
  );

  it('X2 calls in flight while Redis is killed never add up to more than the limit', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url);
    const tenant = randomUUID();
    const calls = Array.from({ length: 300 }, () => take(limiter, tenant));
    await server.kill();
    const kinds = tally(await inTime(Promise.all(calls)));
    expect(kinds.taken ?? 0).toBeLessThanOrEqual(10);
    expect((kinds.taken ?? 0) + (kinds.denied ?? 0) + (kinds.unavailable ?? 0)).toBe(300);
  });
});

describe('Redis frozen', () => {
  it('P28 a frozen Redis is unavailable within the deadline for every caller, and recovers', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url, { maxBatch: 8 });
    await untilTaken(limiter);
    server.freeze();
    const tenant = randomUUID();
    const calls = Array.from({ length: 100 }, (_, index) => take(limiter, tenant, `r${index}`));
    expect(tally(await inTime(Promise.all(calls)))).toEqual({ unavailable: 100 });
    expect(await inTime(limiter.health())).toMatchObject({ healthy: false });
    const request = requestOf(tenant, [counterOf()], 'another');
    expect(await inTime(limiter.refund(request))).toMatchObject({ kind: 'unavailable' });
    expect(await inTime(limiter.peek(tenant, [counterOf()]))).toMatchObject({
      kind: 'unavailable',
    });
    server.thaw();
    await untilTaken(limiter);
    // What was sent before may have been taken. The repeats tell, and it is never more than the
    // limit.
    const repeats = Array.from({ length: 100 }, (_, index) => take(limiter, tenant, `r${index}`));
    expect(tally(await Promise.all(repeats))).toEqual({ taken: 10, denied: 90 });
  });

  it('P28 a frozen Redis is not asked again and again: the circuit opens, and closes when it answers', async () => {
    await using server = await startRedisServer();
    const said: string[] = [];
    const log = (message: string): void => void said.push(message);
    await using limiter = await open(server.url, { deadlineMs: 100, log });
    await untilTaken(limiter);
    server.freeze();
    for (let call = 0; call < 8; call += 1) await inTime(take(limiter, 't'));
    expect(said.filter((message) => message.includes('not asked'))).toHaveLength(1);
    expect(problemOf(await take(limiter, 't'))).toContain('Redis');
    server.thaw();
    await untilTaken(limiter);
    expect(said.at(-1)).toBe('Redis answers again');
  });

  it('P28 a peer that accepts connections and never answers is unavailable from the start', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await using limiter = await open(`redis://127.0.0.1:${port}`);
    for (let call = 0; call < 7; call += 1) {
      expect(await inTime(take(limiter, 't'))).toMatchObject({ kind: 'unavailable' });
    }
    expect(await inTime(limiter.health())).toMatchObject({ healthy: false });
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});

describe('Redis refusing', () => {
  it('X13 forgotten scripts are sent again within the call', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    const tenant = randomUUID();
    const request = requestOf(tenant, [counterOf()], 'r');
    for (const ask of [
      () => limiter.take(request),
      () => limiter.peek(tenant, [counterOf()]),
      () => limiter.refund(request),
      () => take(limiter, tenant),
    ]) {
      await client.script('FLUSH');
      expect(await ask()).not.toMatchObject({ kind: 'unavailable' });
    }
    expect((await peekAt(limiter, tenant, [counterOf()]))[0]?.remaining).toBe(9);
    client.disconnect();
  });

  it('X13 a read-only replica is unavailable, never an allow, and works when it is promoted', async () => {
    await using primary = await startRedisServer();
    await using server = await startRedisServer({
      args: ['--replicaof', '127.0.0.1', String(primary.port)],
    });
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    const outcome = await take(limiter, 't');
    expect(outcome.kind).toBe('unavailable');
    await client.replicaof('NO', 'ONE');
    await untilTaken(limiter);
    client.disconnect();
  });

  it('X13 a full memory is unavailable, takes nothing from any scope, and is over when there is room', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    const counters = [counterOf(), counterOf({ scope: 'team:a' })];
    await client.config('SET', 'maxmemory', '1');
    const outcome = await limiter.take(requestOf('t', counters));
    expect(problemOf(outcome)).toMatch(/OOM/);
    await client.config('SET', 'maxmemory', '0');
    const left = (await peekAt(limiter, 't', counters)).map((reading) => reading.remaining);
    expect(left).toEqual([10, 10]);
    expect(await take(limiter, 't')).toMatchObject({ kind: 'taken' });
    client.disconnect();
  });

  it.each([
    ['a list', (client: Redis, key: string) => client.lpush(key, 'x')],
    ['another text', (client: Redis, key: string) => client.set(key, 'x'.repeat(230))],
    ['an empty text', (client: Redis, key: string) => client.set(key, '')],
  ])(
    'X13 %s under a counter’s key makes its calls unavailable, and only those',
    async (_, write) => {
      await using server = await startRedisServer();
      await using limiter = await open(server.url);
      const client = new Redis(server.url);
      await take(limiter, 't', 'r');
      const [key = ''] = await client.keys('*|w|*');
      await client.del(key);
      await write(client, key);
      const other = counterOf({ scope: 'team:a' });
      const both = [
        limiter.take(requestOf('t', [other, counterOf()])),
        limiter.take(requestOf('t', [other])),
      ];
      const [broken, sound] = await Promise.all(both);
      expect(broken && problemOf(broken)).toContain('key');
      expect(sound).toMatchObject({ kind: 'taken', windows: [{ remaining: 9 }] });
      const request = requestOf('t', [counterOf()], 'r');
      expect(await limiter.peek('t', [counterOf()])).toMatchObject({ kind: 'unavailable' });
      expect(await limiter.refund(request)).toMatchObject({ kind: 'unavailable' });
      client.disconnect();
    },
  );

  it('X13 a foreign value under a verdict’s key is unavailable', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url);
    const client = new Redis(server.url);
    await take(limiter, 't', 'r');
    const [key = ''] = await client.keys('*|v|*');
    await client.del(key);
    await client.lpush(key, 'x');
    expect(await take(limiter, 't', 'r')).toMatchObject({ kind: 'unavailable' });
    await client.del(key);
    await client.set(key, 'x');
    expect(await take(limiter, 't', 'r')).toMatchObject({ kind: 'unavailable' });
    client.disconnect();
  });

  it('a wrong password is unavailable and says so', async () => {
    await using server = await startRedisServer({ args: ['--requirepass', 'right'] });
    await using limiter = await open(server.url.replace('//', '//:wrong@'));
    const outcome = await take(limiter, 't');
    expect(problemOf(outcome)).toMatch(/WRONGPASS/);
    await using right = await open(server.url.replace('//', '//:right@'));
    expect(await take(right, 't')).toMatchObject({ kind: 'taken' });
  });
});

describe('Redis health', () => {
  it.each(['allkeys-lru', 'volatile-ttl'])(
    'X13 is unhealthy while %s may evict windows, and names the policy',
    async (policy) => {
      await using server = await startRedisServer({ args: ['--maxmemory-policy', policy] });
      await using limiter = await open(server.url);
      const health = await limiter.health();
      expect(health).toMatchObject({ adapter: 'redis', healthy: false });
      expect(health.problem).toContain(policy);
    },
  );

  it('X13 is healthy, with the eviction policy unknown, where CONFIG is forbidden', async () => {
    await using server = await startRedisServer();
    const client = new Redis(server.url);
    await client.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-config');
    await using limiter = await open(server.url.replace('//', '//app:secret@'));
    expect(await take(limiter, 't')).toMatchObject({ kind: 'taken' });
    const health = await limiter.health();
    expect(health.healthy).toBe(true);
    expect(health.problem).toContain('unknown');
    client.disconnect();
  });

  it('P10 300 concurrent callers on one connection: exactly 10 of limit 10, none by outage', async () => {
    await using server = await startRedisServer();
    await using limiter = await open(server.url, { deadlineMs: 10_000 });
    const calls = Array.from({ length: 300 }, () => take(limiter, 't'));
    expect(tally(await Promise.all(calls))).toEqual({ taken: 10, denied: 290 });
  });

  it('a closed limiter answers unavailable and leaves nothing behind', async () => {
    await using server = await startRedisServer();
    const limiter = await open(server.url);
    const waiting = take(limiter, 't');
    await limiter.close();
    expect(await waiting).toMatchObject({ kind: 'unavailable' });
    expect(await take(limiter, 't')).toMatchObject({ kind: 'unavailable' });
  });
});
