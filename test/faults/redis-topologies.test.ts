import { readFileSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { expect, it } from 'vitest';

import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedisSentinels } from '../support/redis-sentinel.ts';
import { startRedisTls } from '../support/redis-tls.ts';
import type { RedisTls } from '../support/redis-tls.ts';
import { RECOVERY_MS, eventually } from './waiting.ts';

/** Enough keys that every primary of a cluster has some. */
const KEYS = Array.from({ length: 30 }, (_, index) => `key-${index}`);
/** A start and a failover, on a busy machine. */
const TEST_TIMEOUT_MS = 2 * RECOVERY_MS;

type Client = Redis | Cluster;

function closing<T extends Client>(client: T): T & Disposable {
  // A connection that breaks is what these tests are about.
  client.on('error', () => undefined);
  return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
}

async function setAndGet(client: Client): Promise<void> {
  for (const key of KEYS) expect(await client.set(key, `value of ${key}`)).toBe('OK');
  for (const key of KEYS) expect(await client.get(key)).toBe(`value of ${key}`);
}

function connectTls(redis: RedisTls, withCertificate: boolean): Redis & Disposable {
  const shown = { cert: readFileSync(redis.certPath), key: readFileSync(redis.keyPath) };
  const tls = { ca: readFileSync(redis.caPath), ...(withCertificate ? shown : {}) };
  return closing(new Redis(redis.url, { tls, retryStrategy: null, maxRetriesPerRequest: 0 }));
}

it(
  'a cluster keeps keys on three primaries, loses one, and goes on',
  async () => {
    await using cluster = await startRedisCluster();
    using client = closing(new Cluster([...cluster.urls]));
    await setAndGet(client);
    const sizes = await Promise.all(cluster.nodes.map((node) => node.ask('DBSIZE')));
    expect(sizes.slice(0, 3).every((size) => Number(size) > 0)).toBe(true);
    await cluster.flush();
    expect(await client.get(KEYS[0]!)).toBeNull();

    await cluster.nodes[0]!.kill();
    const promoted = async () => String(await cluster.nodes[3]!.ask('ROLE')).startsWith('master');
    await eventually(promoted, 'no failover');
    await setAndGet(client);
    await cluster.flush();
  },
  TEST_TIMEOUT_MS,
);

it(
  'sentinels replace a primary that was killed',
  async () => {
    await using watched = await startRedisSentinels();
    const sentinels = watched.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    using client = closing(new Redis({ sentinels, name: watched.name }));
    await setAndGet(client);
    expect(await watched.currentPrimaryPort()).toBe(watched.primary.port);

    await watched.primary.kill();
    const replaced = async () => (await watched.currentPrimaryPort()) === watched.replica.port;
    await eventually(replaced, 'no failover');
    expect(await client.get(KEYS[0]!)).toBe(`value of ${KEYS[0]!}`);
    await setAndGet(client);
  },
  TEST_TIMEOUT_MS,
);

it('a server with TLS asks a client for a certificate only when told to', async () => {
  await using open = await startRedisTls();
  using anybody = connectTls(open, false);
  await setAndGet(anybody);

  await using strict = await startRedisTls({ requireClientCertificate: true });
  using known = connectTls(strict, true);
  await setAndGet(known);
  using unknown = connectTls(strict, false);
  await expect(unknown.get('key')).rejects.toThrow();
});
