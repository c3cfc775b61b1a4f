import { flushReaches } from './redis-replication.ts';
import type { RedisServer } from './redis-server.ts';
import { startRedisServer } from './redis-server.ts';
import { until } from './until.ts';

export interface RedisSentinelsOptions {
  /** More arguments for the primary and the replica, for example ['--maxmemory', '100mb']. */
  readonly args?: readonly string[];
  /** For how long the primary has to be silent before a sentinel takes it for dead. Default 500. */
  readonly downAfterMs?: number;
}

const SENTINELS = 3;
const QUORUM = 2;
const NAME = 'windows';
const DOWN_AFTER_MS = 500;
const FAILOVER_TIMEOUT_MS = 2_000;
const FORM_TIMEOUT_MS = 20_000;
/** Otherwise a primary waits five seconds for more replicas before it sends its data to one. */
const SYNC_AT_ONCE: readonly string[] = ['--repl-diskless-sync-delay', '0'];
/**
 * In milliseconds. Sentinels find each other and the replica in a tenth of a second instead of
 * two. One that was held up, by a busy machine or frozen, acts again after one second, not 30.
 */
const PERIODS: readonly string[] = [
  ...['PUBLISH-PERIOD', '100', 'INFO-PERIOD', '200', 'TILT-PERIOD', '1000'],
];

/**
 * Starts a primary, its replica and three sentinels that watch them, without persistence, each in a
 * directory of its own, and waits until the replica is in step and every sentinel knows it and the
 * other sentinels. A primary that is killed or frozen is replaced within about three seconds. Use
 * it with `await using`: it ends as its servers do.
 */
export async function startRedisSentinels(
  options: RedisSentinelsOptions = {},
): Promise<RedisSentinels> {
  await using opened = new AsyncDisposableStack();
  const args = [...SYNC_AT_ONCE, ...(options.args ?? [])];
  const primary = opened.use(await startRedisServer({ args }));
  const replicaOf = ['--replicaof', '127.0.0.1', String(primary.port)];
  const replica = opened.use(await startRedisServer({ args: [...args, ...replicaOf] }));
  // A sentinel looks for replicas once, and then not for ten seconds.
  const replicates = () => flushReaches(primary, replica);
  await until(replicates, FORM_TIMEOUT_MS, 'the Redis replica never came in step');
  const configuration = configurationOf(primary.port, options.downAfterMs ?? DOWN_AFTER_MS);
  const sentinels: RedisServer[] = [];
  while (sentinels.length < SENTINELS) {
    const sentinel = await startRedisServer({ configuration, args: ['--sentinel'] });
    sentinels.push(opened.use(sentinel));
    await hurry(sentinel);
  }
  const ready = async () => (await Promise.all(sentinels.map(knowsEverybody))).every(Boolean);
  await until(ready, FORM_TIMEOUT_MS, 'the Redis sentinels did not find each other');
  return new RedisSentinels(primary, replica, sentinels, opened.move());
}

export class RedisSentinels implements AsyncDisposable {
  /** What the sentinels call the primary. */
  readonly name = NAME;
  /** The primary at the start, whatever it is now. */
  readonly primary: RedisServer;
  /** The replica at the start, whatever it is now. */
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  readonly #opened: AsyncDisposableStack;

  constructor(
    primary: RedisServer,
    replica: RedisServer,
    sentinels: readonly RedisServer[],
    opened: AsyncDisposableStack,
  ) {
    this.primary = primary;
    this.replica = replica;
    this.sentinels = sentinels;
    this.#opened = opened;
  }

  get sentinelUrls(): readonly string[] {
    return this.sentinels.map((sentinel) => sentinel.url);
  }

  /**
   * @returns the port of the primary, as the first sentinel that answers knows it.
   * @throws AggregateError when no sentinel answers.
   */
  async currentPrimaryPort(): Promise<number> {
    return Promise.any(
      this.sentinels.map(async (sentinel) => {
        const address = await sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
        const [, port] = address as [string, string];
        return Number(port);
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

function configurationOf(primaryPort: number, downAfterMs: number): string {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_TIMEOUT_MS}`,
    `sentinel parallel-syncs ${NAME} 1`,
    '',
  ].join('\n');
}

/** Redis before 7 does not know these settings; it takes its time. */
async function hurry(sentinel: RedisServer): Promise<void> {
  await sentinel.ask('SENTINEL', 'DEBUG', ...PERIODS).catch(() => undefined);
}

/** Whether a sentinel is linked to the primary, the replica and the other sentinels. */
async function knowsEverybody(sentinel: RedisServer): Promise<boolean> {
  const flagsOf = async (kind: string): Promise<readonly string[]> => {
    const all = (await sentinel.ask('SENTINEL', kind, NAME)) as readonly (readonly string[])[];
    return all.map((fields) => fields[fields.indexOf('flags') + 1] ?? '');
  };
  const quorum = String(await sentinel.ask('SENTINEL', 'CKQUORUM', NAME));
  const replicas = await flagsOf('SLAVES');
  const others = await flagsOf('SENTINELS');
  return (
    quorum.startsWith(`OK ${SENTINELS} usable`) &&
    replicas.join() === 'slave' &&
    others.join() === Array.from({ length: SENTINELS - 1 }, () => 'sentinel').join()
  );
}
