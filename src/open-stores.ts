import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from './config.ts';
import { finishHold } from './decision/finish.ts';
import type { RateLimiter } from './decision/ports.ts';
import type { Clock } from './lib/clock.ts';
import type { RedisTls } from './stores/redis/redis-client.ts';
import type { LedgerStores } from './stores/postgres/ledger-stores.ts';

/** The folder of the embedded database inside the data directory. */
export const DATABASE_FOLDER = 'database';
/** The folder of records that wait for the database. */
export const JOURNAL_FOLDER = 'journal';

/**
 * Opens the ledger that the settings name: Postgres, or the embedded one. Adapters are loaded when
 * they are used.
 */
export async function openLedger(
  { database, dataDir }: Pick<Settings, 'database' | 'dataDir'>,
  onProblem: (problem: string) => void,
): Promise<LedgerStores> {
  if (database.url === undefined) {
    const { openEmbedded } = await import('./stores/embedded/open-embedded.ts');
    return openEmbedded({ directory: join(dataDir, DATABASE_FOLDER), finishHold });
  }
  const { openPostgres } = await import('./stores/postgres/open-postgres.ts');
  return openPostgres({
    url: database.url,
    finishHold,
    poolSize: database.poolSize + database.maxOverflow,
    statementTimeoutMs: database.deadlineMs,
    groupCommit: { deadlineMs: database.deadlineMs },
    onProblem,
  });
}

/** Opens the rate limiter that the settings name: Redis, or this process's memory. */
export async function openRateLimiter(
  { redis }: Pick<Settings, 'redis'>,
  clock: Clock,
  log: (message: string) => void,
): Promise<RateLimiter> {
  if (redis.url === undefined) {
    const { MemoryRateLimiter } = await import('./stores/memory/memory-rate-limiter.ts');
    return new MemoryRateLimiter({ clock });
  }
  const { openRedisRateLimiter } = await import('./stores/redis/open-redis-rate-limiter.ts');
  return openRedisRateLimiter({
    url: redis.url,
    tls: tlsOf(redis),
    deadlineMs: redis.deadlineMs,
    keyPrefix: redis.keyPrefix,
    keepAlive: redis.keepAlive,
    log,
  });
}

/** @throws when a file cannot be read. */
function tlsOf({ caFile, certFile, keyFile }: Settings['redis']): RedisTls {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
    ...(certFile !== undefined && { cert: readFileSync(certFile, 'utf8') }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile, 'utf8') }),
  };
}
