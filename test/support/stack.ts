import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';
import { loadConfiguration } from '../../src/configuration/load.ts';
import { startCalibrations, type CalibrationRounds } from '../../src/control/calibrations.ts';
import { finishHold } from '../../src/decision/finish.ts';
import { grantTokens } from '../../src/decision/grant-token.ts';
import { silentObserver } from '../../src/decision/observer.ts';
import { openPipeline } from '../../src/decision/pipeline.ts';
import type { ConfigSource, Lineage, RateLimiter, Recorder } from '../../src/decision/ports.ts';
import { openPersonDesk } from '../../src/decision/person-desk.ts';
import { openQueryDesk } from '../../src/decision/query-desk.ts';
import { DecisionServiceClient } from '../../src/gen/tollgate/v1/decision_service.ts';
import { QueryServiceClient } from '../../src/gen/tollgate/v1/query_service.ts';
import { RecordServiceClient } from '../../src/gen/tollgate/v1/record_service.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { startGrpcServer } from '../../src/server/grpc-server.ts';
import { noTracing } from '../../src/server/request-tracing.ts';
import { JournalRecorder } from '../../src/stores/journal/journal-recorder.ts';
import { MASTER_KEY_BYTES, PersonVault } from '../../src/person/person-vault.ts';
import { MemoryRateLimiter } from '../../src/stores/memory/memory-rate-limiter.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import { openPostgres } from '../../src/stores/postgres/open-postgres.ts';
import { openRedisRateLimiter } from '../../src/stores/redis/open-redis-rate-limiter.ts';

/** A part that does not answer: its real adapter, pointed at where nothing is. */
export type Away = 'rate_limiter' | 'ledger' | 'record';

/** Port 9 (discard) of loopback: nothing listens there. */
const NOWHERE = '127.0.0.1:9';

export interface StackOptions {
  /** YAML. */
  readonly configuration: string;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly away?: readonly Away[];
  /** Absent means that windows are counted in memory. */
  readonly redisUrl?: string;
  /** Connections to Postgres at most; 4 unless given. */
  readonly poolSize?: number;
}

/**
 * Generous: the tests' machine is busy, and what a frozen Redis does is tested with its own
 * deadline.
 */
const REDIS_DEADLINE_MS = 500;

/**
 * A whole decision point behind real gRPC, on real stores and simulated time, inside the test's
 * process.
 */
export interface Stack extends AsyncDisposable {
  /** As a client takes it. */
  readonly address: string;
  readonly decisions: DecisionServiceClient;
  readonly queries: QueryServiceClient;
  readonly records: RecordServiceClient;
  readonly vault: PersonVault;
  readonly stores: LedgerStores;
  readonly limiter: RateLimiter;
  readonly calibrations: CalibrationRounds;
  /** Brings what waits in the journal to the Lineage. */
  flush(): Promise<void>;
}

export async function openStack(options: StackOptions): Promise<Stack> {
  await using opened = new AsyncDisposableStack();
  const { clock, away = [] } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'tollgate-stack-'));
  opened.defer(() => rmSync(scratch, { recursive: true, force: true }));
  const url = away.includes('ledger') ? `postgres://nobody@${NOWHERE}/none` : options.databaseUrl;
  const { poolSize = 4 } = options;
  const stores = openPostgres({ url, finishHold, clock, poolSize });
  opened.defer(() => stores.close());
  const limiter = await limiterOf(options);
  opened.defer(() => limiter.close());
  const recorder = recorderOf(join(scratch, 'journal'), stores.lineage, clock, away);
  opened.defer(() => recorder.close(0));
  const config = configOf(options.configuration, clock);
  const localLimiter = new MemoryRateLimiter({ clock });
  const persons = new PersonVault(randomBytes(MASTER_KEY_BYTES), clock);
  const calibrations = startCalibrations(stores.sums, {
    seen: () => undefined,
    failed: () => undefined,
  });
  opened.defer(() => calibrations.stop());
  const { ledger } = stores;
  const parts = { config, limiter, localLimiter, ledger, recorder, persons, clock, calibrations };
  const grpc = await startGrpcServer({
    listen: `unix:${join(scratch, 'sock')}`,
    allowInsecure: false,
    decisionPoint: openPipeline({
      ...parts,
      tokens: grantTokens(randomBytes(32)),
      observer: silentObserver,
    }),
    queries: openQueryDesk({
      ...parts,
      lineage: stores.lineage,
      sums: stores.sums,
      version: 'test',
      startedAtMs: 0,
    }),
    personDesk: openPersonDesk({
      ...parts,
      store: stores.persons,
      trail: stores.audit,
      opener: () => persons,
    }),
    tracing: noTracing,
    log: { warn: () => undefined, error: (fields, message) => console.error(message, fields) },
    serving: true,
  });
  opened.defer(async () => {
    await grpc.drain(1_000);
  });
  const decisions = new DecisionServiceClient(grpc.address, credentials.createInsecure());
  const queries = new QueryServiceClient(grpc.address, credentials.createInsecure());
  const records = new RecordServiceClient(grpc.address, credentials.createInsecure());
  opened.defer(() => {
    decisions.close();
    queries.close();
    records.close();
  });
  const closing = opened.move();
  return {
    address: grpc.address,
    decisions,
    queries,
    records,
    vault: persons,
    stores,
    limiter,
    calibrations,
    flush: () => flushed(recorder),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function limiterOf({ clock, redisUrl, away }: StackOptions): Promise<RateLimiter> {
  if (away?.includes('rate_limiter')) return openRedisRateLimiter({ url: `redis://${NOWHERE}` });
  if (redisUrl === undefined) return new MemoryRateLimiter({ clock });
  return openRedisRateLimiter({ url: redisUrl, deadlineMs: REDIS_DEADLINE_MS });
}

/** A journal whose directory is a file cannot write. */
function recorderOf(
  directory: string,
  lineage: Lineage,
  clock: Clock,
  away: readonly Away[],
): Recorder {
  if (away.includes('record')) writeFileSync(directory, 'in the way');
  return new JournalRecorder({ directory, lineage, clock, report: () => undefined });
}

function configOf(text: string, clock: Clock): ConfigSource {
  const nowMs = clock.nowMs();
  const load = loadConfiguration(text, {
    file: 'configuration',
    environmentDefaults: BUILT_IN_DEFAULTS,
    changedAtMs: nowMs,
    nowMs,
    previous: undefined,
  });
  if (load.kind === 'refused') throw new Error(JSON.stringify(load.problems, null, 2));
  return { current: () => load.snapshot, refusal: () => '', close: () => Promise.resolve() };
}

const FLUSH_POLLS = 500;
const FLUSH_POLL_MS = 10;

async function flushed(recorder: Recorder): Promise<void> {
  for (let poll = 0; recorder.waiting() > 0; poll++) {
    if (poll === FLUSH_POLLS) throw new Error('the journal does not reach the Lineage');
    await new Promise((resolve) => setTimeout(resolve, FLUSH_POLL_MS));
  }
}
