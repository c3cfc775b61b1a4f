import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { openRedisRateLimiter } from '../../../src/stores/redis/open-redis-rate-limiter.ts';
import { startRedisServer } from '../../support/redis-server.ts';
import { counterOf, requestOf, windowOf } from './fixture.ts';

const shipped = readFileSync(new URL('../../../examples/redis.conf', import.meta.url), 'utf8');
const DEADLINE_MS = 10_000;

describe('examples/redis.conf', () => {
  it('R90 starts a Redis that is healthy, keeps its counts over a crash, and lets a bound user in', async () => {
    const settings = shipped.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const args = settings.flatMap((line) => {
      const [name = '', ...values] = line.split(' ');
      return [`--${name}`, ...values.map((value) => (value === '""' ? '' : value))];
    });
    await using server = await startRedisServer({ args });
    const rights = /^# +user tollgate (.+)$/m.exec(shipped)?.[1]?.split(' ') ?? [];
    const admin = new Redis(server.url);
    await admin.call('ACL', 'SETUSER', 'tollgate', ...rights);
    admin.disconnect();
    const url = server.url.replace('//', '//tollgate:secret@');
    const limiter = await openRedisRateLimiter({ url, deadlineMs: DEADLINE_MS });
    const counters = [
      counterOf(),
      counterOf({ scope: 'b', algorithm: 'weighted' }),
      counterOf({ scope: 'c', algorithm: 'token_bucket' }),
      counterOf({
        scope: 'd',
        unit: 'concurrency',
        algorithm: 'leases',
        windows: [windowOf(5)],
      }),
    ];
    const request = requestOf('acme', counters);
    expect(await limiter.take(request)).toMatchObject({ kind: 'taken' });
    const { callId } = request;
    expect(await limiter.settle({ tenant: 'acme', callId, tokens: 0 })).toBe('settled');
    expect(await limiter.refund(request)).toBe('refunded');
    const count = { limitId: 'calls', scope: 'b', windowMs: 1, count: 1 };
    expect(await limiter.addViolations('acme', [count])).toHaveLength(1);
    expect(await limiter.violations('acme')).toHaveLength(1);
    expect(await limiter.health()).toEqual({ adapter: 'redis', healthy: true, problem: '' });
    await limiter.close();

    await server.kill();
    await server.start();
    const again = new Redis(server.url);
    expect(await again.exists('tollgate:{*}|e')).toBe(1);
    again.disconnect();
  });
});
