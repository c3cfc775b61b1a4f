import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import type { RateLimiter, TakeRequest } from '../../src/decision/ports.ts';
import type { CounterSpec } from '../../src/limits/counter.ts';
import { RedisKeys } from '../../src/stores/redis/keys.ts';
import {
  counterOf,
  peekAt,
  requestOf,
  tally,
  windowOf,
} from '../conformance/rate-limiter/fixture.ts';
import { openLimiter } from '../support/open-limiter.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisSentinels } from '../support/redis-sentinel.ts';
import { startRedisSentinels } from '../support/redis-sentinel.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedisTls } from '../support/redis-tls.ts';
import { ofKind, TakingCallers } from '../support/taking-callers.ts';
import type { Answered } from '../support/taking-callers.ts';
import { eventually } from './waiting.ts';

/** Long enough that a busy machine does not mistake a healthy Redis for one that is away. */
const DEADLINE_MS = 500;
/** For answers that are not about time at all. */
const PATIENT_MS = 10_000;
/** A start, a failover, and taking all that is left after it. */
const TEST_TIMEOUT_MS = 120_000;
const HOUR_MS = 3_600_000;
const PAUSE_MS = 20;
/** A look of the watch every 400 ms has to see the server before it is lost. */
const TWO_LOOKS_MS = 900;

const keys = new RedisKeys('tollgate');

function addressOf(kind: 'sentinel' | 'cluster', urls: readonly string[], path = ''): string {
  return `redis+${kind}://${urls.map((url) => new URL(url).host).join()}${path}`;
}

/** How many of these takes, all of one tenant, the servers do not know. */
async function forgotten(answers: readonly Answered[], client: Redis | Cluster): Promise<number> {
  if (answers.length === 0) return 0;
  const verdicts = answers.map(({ request }) => keys.verdict(request.tenant, request.requestId));
  return answers.length - (await client.exists(...verdicts));
}

function closing<T extends Redis | Cluster>(client: T): T & Disposable {
  client.on('error', () => undefined);
  return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
}

/** The answers by which Redis decided something. */
function decided(answers: readonly Answered[]): readonly Answered[] {
  return answers.filter(({ outcome: { kind } }) => kind === 'taken' || kind === 'denied');
}

interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The longest time in which Redis decided nothing for a tenant that kept asking. */
function longestGap(answers: readonly Answered[]): Gap {
  let longest: Gap = { fromMs: 0, toMs: 0 };
  let fromMs: number | undefined;
  for (const { answeredAtMs: toMs } of decided(answers)) {
    if (fromMs !== undefined && toMs - fromMs > longest.toMs - longest.fromMs) {
      longest = { fromMs, toMs };
    }
    fromMs = toMs;
  }
  return longest;
}

describe('a Sentinel failover under load', () => {
  const LIMIT = 2_000;
  const COUNTER = counterOf({ windows: [windowOf(LIMIT, HOUR_MS)] });
  const CALLERS = 32;
  const BEFORE = 600;
  const UNREPLICATED = 100;

  /** The replica learns nothing more, and does not come back to its primary. */
  async function cutOff({ primary, replica }: RedisSentinels): Promise<void> {
    await replica.ask('CONFIG', 'SET', 'masterauth', 'wrong');
    await primary.ask('CLIENT', 'KILL', 'TYPE', 'replica');
  }

  it.each([
    ['in step', false],
    ['cut off before', true],
  ])(
    'X2 X13 calls go on, within the limit and what was not replicated: replica %s',
    async (name, cut) => {
      await using watched = await startRedisSentinels();
      const said: string[] = [];
      const url = addressOf('sentinel', watched.sentinelUrls, `/${watched.name}`);
      const log = (message: string): void => void said.push(message);
      await using limiter = await openLimiter(url, { deadlineMs: DEADLINE_MS, log });
      await sleep(TWO_LOOKS_MS);
      const next = (): TakeRequest => requestOf('t', [COUNTER]);
      const callers = new TakingCallers({ limiter, callers: CALLERS, pauseMs: PAUSE_MS, next });
      await callers.until('taken', BEFORE);
      if (cut) {
        await cutOff(watched);
        await callers.until('taken', UNREPLICATED);
      }
      const killedAtMs = performance.now();
      await watched.primary.kill();
      await callers.until('taken', 1);
      const away = performance.now() - killedAtMs;
      await callers.until('denied', 1);
      const answers = await callers.stop();
      expect(answers).toHaveLength(callers.sent);

      expect(await watched.currentPrimaryPort()).toBe(watched.replica.port);
      using client = closing(new Redis(watched.replica.url));
      const taken = ofKind(answers, 'taken');
      const unknown = await forgotten(taken, client);
      await using patient = await openLimiter(watched.replica.url, { deadlineMs: PATIENT_MS });
      const [reading] = await peekAt(patient, 't', [COUNTER]);
      const counted = LIMIT - (reading?.remaining ?? NaN);
      console.info(
        `replica ${name}: ${taken.length} admitted of a limit of ${LIMIT}, ` +
          `${unknown} of them unknown to the new primary, which counted ${counted}; ` +
          `taken again ${Math.round(away)} ms after the kill`,
      );
      expect(taken.length).toBeLessThanOrEqual(LIMIT + unknown);
      expect(counted).toBe(LIMIT);
      expect(unknown > 0 || !cut).toBe(true);
      const told = (): boolean => said.some((one) => one.includes('Redis is another server'));
      await eventually(told, `the failover was not told: ${said.join('; ')}`);
    },
    TEST_TIMEOUT_MS,
  );
});

/** Refused by every node but the one that has the tenant's slot. */
function isOn(node: RedisServer, tenant: string): Promise<boolean> {
  return node.ask('EXISTS', keys.epoch(tenant)).then(
    () => true,
    () => false,
  );
}

describe('a primary of a cluster killed under load', () => {
  const LIMIT = 800;
  const COUNTER = counterOf({ windows: [windowOf(LIMIT, HOUR_MS)] });
  const TENANTS = Array.from({ length: 6 }, (_, index) => `tenant-${index}`);
  const CALLERS = 4 * TENANTS.length;
  const BEFORE = 100;

  it.each([
    ['which stops as a whole when slots are missing', 'yes'],
    ['which goes on without the missing slots', 'no'],
  ])(
    'X2 X13 others go on, its tenants recover, none passes its limit: a cluster %s',
    async (_, fullCoverage) => {
      await using cluster = await startRedisCluster();
      for (const node of cluster.nodes) {
        await node.ask('CONFIG', 'SET', 'cluster-require-full-coverage', fullCoverage);
      }
      const [victim] = cluster.nodes;
      const said: string[] = [];
      const log = (message: string): void => void said.push(message);
      const url = addressOf('cluster', cluster.urls);
      await using limiter = await openLimiter(url, { deadlineMs: DEADLINE_MS, log });
      const callers = new TakingCallers({
        limiter,
        callers: CALLERS,
        pauseMs: PAUSE_MS,
        next: (caller) => requestOf(TENANTS[caller % TENANTS.length]!, [COUNTER]),
      });
      await Promise.all(TENANTS.map((tenant) => callers.until('taken', BEFORE, tenant)));
      const hit = new Set<string>();
      for (const tenant of TENANTS) if (await isOn(victim!, tenant)) hit.add(tenant);
      expect([hit.size > 0, hit.size < TENANTS.length]).toEqual([true, true]);

      await victim!.kill();
      await Promise.all(TENANTS.map((tenant) => callers.until('denied', 1, tenant)));
      const answers = await callers.stop();
      expect(answers).toHaveLength(callers.sent);

      using client = closing(new Cluster(cluster.urls.slice(1)));
      const gaps: Gap[] = [];
      for (const tenant of TENANTS) {
        const own = answers.filter(({ request }) => request.tenant === tenant);
        const taken = ofKind(own, 'taken');
        const unknown = await forgotten(taken, client);
        const gap = longestGap(own);
        if (hit.has(tenant)) gaps.push(gap);
        const home = hit.has(tenant) ? 'the killed' : 'another';
        console.info(
          `full coverage ${fullCoverage}: ${tenant} on ${home} primary: ` +
            `${taken.length} admitted of ${LIMIT}, ${unknown} unknown to the new one, ` +
            `${ofKind(own, 'unavailable').length} unavailable of ${own.length}, ` +
            `nothing decided for ${Math.round(gap.toMs - gap.fromMs)} ms`,
        );
        expect(taken.length).toBeLessThanOrEqual(LIMIT + unknown);
      }
      // While nothing is decided for those on the killed primary, the others are answered.
      for (const tenant of TENANTS.filter((one) => !hit.has(one))) {
        const own = decided(answers.filter(({ request }) => request.tenant === tenant));
        for (const { fromMs, toMs } of gaps) {
          const meanwhile = own.filter(({ answeredAtMs: at }) => at > fromMs && at < toMs);
          expect(meanwhile.length, tenant).toBeGreaterThan(0);
        }
      }
      const told = (): boolean => said.some((one) => one.includes('Redis is another server'));
      await eventually(told, `the failover was not told: ${said.join('; ')}`);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('counters of all tenants in a cluster', () => {
  const TENANTS = Array.from({ length: 20 }, (_, index) => `tenant-${index}`);
  const CALLS = 200;
  const GLOBAL = 50;

  it.each([
    ['the global limit denies', 100, GLOBAL],
    ['the limits of tenants deny', 2, 2 * TENANTS.length],
  ])(
    'X2 R34 200 concurrent calls of 20 tenants count exactly what was admitted: %s',
    async (_, ownLimit, admitted) => {
      await using cluster = await startRedisCluster();
      const url = addressOf('cluster', cluster.urls);
      await using limiter = await openLimiter(url, { deadlineMs: PATIENT_MS });
      const shared = counterOf({
        limitId: 'all',
        scope: 'global',
        crossTenant: true,
        windows: [windowOf(GLOBAL, HOUR_MS)],
      });
      const own = counterOf({ windows: [windowOf(ownLimit, HOUR_MS)] });
      const requests = Array.from({ length: CALLS }, (_, index) =>
        requestOf(TENANTS[index % TENANTS.length]!, [shared, own]),
      );
      const outcomes = await Promise.all(requests.map((request) => limiter.take(request)));
      expect(tally(outcomes)).toEqual({ taken: admitted, denied: CALLS - admitted });

      const usedBy = async (tenant: string, counter: CounterSpec): Promise<number> => {
        const [reading] = await peekAt(limiter, tenant, [counter]);
        return counter.windows[0]!.limit - (reading?.remaining ?? NaN);
      };
      for (const tenant of TENANTS) {
        const taken = outcomes.filter(
          ({ kind }, index) => kind === 'taken' && requests[index]?.tenant === tenant,
        );
        expect(await usedBy(tenant, own), tenant).toBe(taken.length);
        expect(await usedBy(tenant, shared)).toBe(admitted);
      }
    },
    TEST_TIMEOUT_MS,
  );
});

describe('Redis with TLS', () => {
  const textOf = (path: string): string => readFileSync(path, 'utf8');

  async function problemOf(limiter: RateLimiter): Promise<string> {
    const outcome = await limiter.take(requestOf('t', [counterOf()]));
    if (outcome.kind !== 'unavailable') throw new Error(`not unavailable but ${outcome.kind}`);
    return outcome.problem;
  }

  it('X13 takes where its authority vouches for the server, and only there', async () => {
    await using redis = await startRedisTls();
    await using other = await startRedisTls();
    const tls = { ca: textOf(redis.caPath) };
    await using known = await openLimiter(redis.url, { deadlineMs: PATIENT_MS, tls });
    expect(await known.take(requestOf('t', [counterOf()]))).toMatchObject({ kind: 'taken' });
    for (const wrong of [{ ca: textOf(other.caPath) }, {}]) {
      await using stranger = await openLimiter(redis.url, { deadlineMs: DEADLINE_MS, tls: wrong });
      expect(await problemOf(stranger)).toMatch(/certificate/);
      expect((await stranger.health()).problem).toMatch(/certificate/);
    }
  });

  it('X13 shows its own certificate where the server demands one', async () => {
    await using redis = await startRedisTls({ requireClientCertificate: true });
    const ca = textOf(redis.caPath);
    const shown = { ca, cert: textOf(redis.certPath), key: textOf(redis.keyPath) };
    await using known = await openLimiter(redis.url, { deadlineMs: PATIENT_MS, tls: shown });
    expect(await known.take(requestOf('t', [counterOf()]))).toMatchObject({ kind: 'taken' });
    await using unknown = await openLimiter(redis.url, { deadlineMs: DEADLINE_MS, tls: { ca } });
    expect(await problemOf(unknown)).toMatch(/certificate/);
  });
});
