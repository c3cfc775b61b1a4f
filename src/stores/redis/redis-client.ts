import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';

import type { RedisAddress } from '../../lib/redis-address.ts';

/** PEM texts; absent ones are those of the system, or none. */
export interface RedisTls {
  /** Who may vouch for the server. */
  readonly ca?: string;
  /** The client's own certificate and key, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reconnects wait 50 ms, then twice as long each time, to this: recovery is noticed within a
 * second.
 */
const MAX_RECONNECT_MS = 400;
const FIRST_RECONNECT_MS = 50;
/** TCP and TLS handshake; a lost SYN is repeated by the kernel after one second. */
const CONNECT_TIMEOUT_MS = 1_500;
const KEEP_ALIVE_MS = 30_000;
/** How often a node of a cluster may send a command on, which it does while slots move. */
const MAX_REDIRECTIONS = 4;
/** A failover that no node told of is found by asking again. */
const SLOTS_REFRESH_MS = 1_000;

/**
 * A client of one Redis, of the primary that sentinels name, or of a cluster. It does not connect
 * before it is told to. There is no offline queue: commands are written at once or not at all.
 */
export function redisClient(address: RedisAddress, tls: RedisTls | undefined): Redis | Cluster {
  switch (address.kind) {
    case 'single': {
      const secured = address.url.startsWith('rediss:') ? { tls: { ...tls } } : {};
      return new Redis(address.url.replace(/^unix:\/\//, ''), { ...COMMON, ...secured });
    }
    case 'sentinel': {
      const { nodes, name, database: db } = address;
      const secured = address.tls
        ? { tls: { ...tls }, sentinelTLS: { ...tls }, enableTLSForSentinelMode: true }
        : {};
      return new Redis({
        ...COMMON,
        ...accountOf(address),
        ...secured,
        sentinels: nodes.map(({ host, port }) => ({ host, port })),
        name,
        db,
        sentinelRetryStrategy: reconnectAfterMs,
        failoverDetector: true,
      });
    }
    case 'cluster':
      return new Cluster(
        address.nodes.map(({ host, port }) => ({ host, port })),
        clusterOptions(address, tls),
      );
  }
}

function reconnectAfterMs(tries: number): number {
  return Math.min(FIRST_RECONNECT_MS * 2 ** (tries - 1), MAX_RECONNECT_MS);
}

const COMMON = {
  lazyConnect: true,
  protocol: 2,
  disableClientInfo: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: CONNECT_TIMEOUT_MS,
  maxLoadingRetryTime: MAX_RECONNECT_MS,
  keepAlive: KEEP_ALIVE_MS,
  retryStrategy: reconnectAfterMs,
  // A primary that became a replica has a successor, found by connecting anew.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} as const satisfies RedisOptions;

function clusterOptions(address: RedisAddress & { kind: 'cluster' }, tls: RedisTls | undefined) {
  const { reconnectOnError, autoResendUnfulfilledCommands, ...common } = COMMON;
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: true,
    maxRedirections: MAX_REDIRECTIONS,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    clusterRetryStrategy: reconnectAfterMs,
    redisOptions: {
      ...common,
      reconnectOnError,
      autoResendUnfulfilledCommands,
      ...accountOf(address),
      ...(address.tls && { tls: { ...tls } }),
    },
  } satisfies ClusterOptions;
}

function accountOf({ user, password }: { readonly user: string; readonly password: string }) {
  return { ...(user !== '' && { username: user }), ...(password !== '' && { password }) };
}
