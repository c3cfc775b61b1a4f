import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openFileSource } from './configuration/file-source.ts';
import type { Settings } from './config.ts';
import { startArchive } from './control/archive.ts';
import { startCalibrations } from './control/calibrations.ts';
import { startCheckpoints } from './control/checkpoints.ts';
import { startExpiry } from './control/expiry.ts';
import { startRollUp } from './control/rollup.ts';
import { startViolations } from './control/violations.ts';
import type { DecisionPoint } from './decision/answers.ts';
import { alsoSeeing } from './decision/also-seeing.ts';
import { CheckpointSigner } from './decision/checkpoint.ts';
import { grantTokens } from './decision/grant-token.ts';
import { openPipeline } from './decision/pipeline.ts';
import { openPersonDesk, type PersonDesk } from './decision/person-desk.ts';
import type { ConfigSource, PersonSealer, Recorder } from './decision/ports.ts';
import { openQueryDesk } from './decision/query-desk.ts';
import type { Queries } from './decision/queries.ts';
import { programVersion } from './installation.ts';
import { systemClock } from './lib/clock.ts';
import { JOURNAL_FOLDER, openLedger, openRateLimiter } from './open-stores.ts';
import { openPersons, type Persons } from './open-persons.ts';
import { openSigningKey } from './signing-key.ts';
import { addressText } from './server/address.ts';
import { startGrpcServer, type GrpcServer } from './server/grpc-server.ts';
import { startHttpServer, type HttpServer, type Readiness } from './server/http-server.ts';
import { JournalRecorder } from './stores/journal/journal-recorder.ts';
import { MemoryRateLimiter } from './stores/memory/memory-rate-limiter.ts';
import type { LedgerStores } from './stores/postgres/ledger-stores.ts';
import { openTelemetry, type Telemetry } from './telemetry/open-telemetry.ts';

/** Requests in progress are waited for this long after SIGTERM; a call lasts milliseconds. */
const DRAIN_MS = 5_000;
/**
 * What the journal may take to reach the database at the end; the rest stays on disk for the next
 * start.
 */
const FLUSH_MS = 5_000;
const TOKEN_KEY_BYTES = 32;
/** Of one configuration, in the log. */
const MOST_WARNINGS = 50;

/** The program cannot start; the message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export interface RunningServer {
  /** As a client takes it. */
  readonly address: string;
  /** Undefined when metrics are off. */
  readonly metricsAddress: string | undefined;
  /** NOT_SERVING, drains, flushes the record, lets go of the stores. */
  stop(): Promise<void>;
}

const sealsNobody: PersonSealer = { seal: () => undefined };

export interface ServeOptions {
  /** Stands round the decision point, for measuring. */
  readonly around?: (point: DecisionPoint) => DecisionPoint;
  /** Stands in for the journal, for measuring; persons are not sealed then. */
  readonly recorder?: Recorder;
}

/**
 * Opens every part and starts serving. What has been opened is closed again when a later part
 * fails.
 * @throws ConfigurationError, ListenError or StartError with a message for the person who starts
 *   the program
 */
export async function serve(
  settings: Settings,
  options: ServeOptions = {},
): Promise<RunningServer> {
  await using opened = new AsyncDisposableStack();
  const telemetry = await openTelemetry(settings.telemetry, settings.logLevel);
  opened.defer(() => telemetry.close());
  const { log } = telemetry;
  for (const note of settings.notes) log.info({}, note);

  const config = await openConfiguration(settings, telemetry);
  opened.defer(() => config.close());
  makeDataDirectory(settings.dataDir);
  const stores = await openLedgerOrSay(settings, telemetry);
  opened.defer(() => stores.close());
  const limiter = await openRateLimiter(settings, systemClock, (message) => log.warn({}, message));
  opened.defer(() => limiter.close());
  const persons = await openPersonsOrSay(settings, stores, telemetry);
  opened.defer(() => persons.close());
  const journal = new JournalRecorder({
    directory: join(settings.dataDir, JOURNAL_FOLDER),
    lineage: stores.lineage,
    clock: systemClock,
    report: telemetry.journalReport,
    ...settings.journal,
  });
  opened.defer(() => journal.close(FLUSH_MS));
  const { recorder = journal } = options;
  const expiry = startExpiry(stores.ledger, telemetry.expiryLog);
  opened.defer(() => expiry.stop());
  const { archiveAfterMs } = settings.database;
  const archive = startArchive(stores.ledger, archiveAfterMs, telemetry.archiveLog);
  opened.defer(() => archive.stop());

  const rollUp = startRollUp(stores.sums, telemetry.rollUpLog);
  opened.defer(() => rollUp.stop());
  const calibrations = startCalibrations(stores.sums, telemetry.calibrationLog);
  opened.defer(() => calibrations.stop());

  const checkpoints = startCheckpoints({
    checkpoints: stores.checkpoints,
    signer: signerOrSay(settings),
    clock: systemClock,
    everyMs: settings.checkpointEveryMs,
    log: telemetry.checkpointLog,
  });
  opened.defer(() => checkpoints.stop());
  const violations = startViolations(limiter, telemetry.violationLog);
  opened.defer(() => violations.stop());
  const localLimiter = new MemoryRateLimiter({ clock: systemClock });
  const parts = {
    config,
    limiter,
    localLimiter,
    ledger: stores.ledger,
    recorder,
    persons: options.recorder ? sealsNobody : persons,
    clock: systemClock,
    calibrations,
  };
  const point = openPipeline({
    ...parts,
    tokens: grantTokens(settings.tokenKey ?? randomBytes(TOKEN_KEY_BYTES)),
    observer: alsoSeeing(telemetry.observer, violations.see),
  });
  const queries = openQueryDesk({
    ...parts,
    persons,
    lineage: stores.lineage,
    sums: stores.sums,
    version: programVersion(),
    startedAtMs: systemClock.nowMs(),
  });
  telemetry.watch(journal, queries);
  const personDesk = openPersonDesk({
    ...parts,
    store: stores.persons,
    trail: stores.audit,
    opener: () => persons.opener(),
  });

  const http = await startMetrics(settings, telemetry, queries);
  if (http) opened.defer(() => http.close());
  const decisionPoint = options.around?.(point) ?? point;
  const grpc = await startGrpc(settings, telemetry, { decisionPoint, queries, personDesk });
  opened.defer(async () => {
    await drain(grpc, telemetry);
  });
  const closing = opened.move();
  log.info({ address: grpc.address, metrics: http?.address ?? 'off' }, 'serving');
  return {
    address: grpc.address,
    metricsAddress: http?.address,
    stop: () => closing.disposeAsync(),
  };
}

function openConfiguration(settings: Settings, { log }: Telemetry): Promise<ConfigSource> {
  return openFileSource({
    path: settings.configPath,
    environmentDefaults: settings.environmentDefaults,
    clock: systemClock,
    onLoad: (snapshot, warnings) => {
      log.info({ revision: snapshot.revision }, 'configuration in force');
      for (const { line, field, message } of warnings.slice(0, MOST_WARNINGS)) {
        log.warn({ line, field }, message);
      }
      const more = warnings.length - MOST_WARNINGS;
      if (more > 0) log.warn({}, `${more} more warnings; tollgate lint shows all`);
    },
    onRefusal: (error) =>
      log.error({ problems: error.message }, 'configuration refused; the last good one stays'),
  });
}

function makeDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartError(
      `The data directory ${path} cannot be made (${messageOf(error)}). ` +
        'Set TOLLGATE_DATA_DIR, or --data-dir, to a directory that this user may write.',
    );
  }
}

async function openLedgerOrSay(settings: Settings, { log }: Telemetry): Promise<LedgerStores> {
  try {
    return await openLedger(settings, (problem) => log.warn({ store: 'ledger' }, problem));
  } catch (error) {
    throw new StartError(messageOf(error));
  }
}

async function openPersonsOrSay(
  settings: Settings,
  stores: LedgerStores,
  { log }: Telemetry,
): Promise<Persons> {
  try {
    return await openPersons(stores, settings, (message) => log.warn({}, message));
  } catch (error) {
    throw new StartError(messageOf(error));
  }
}

function signerOrSay(settings: Settings): CheckpointSigner {
  try {
    return new CheckpointSigner(openSigningKey(settings));
  } catch (error) {
    throw new StartError(messageOf(error));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Who answers the services. */
interface Desks {
  readonly decisionPoint: DecisionPoint;
  readonly queries: Queries;
  readonly personDesk: PersonDesk;
}

function startGrpc(
  settings: Settings,
  { log, tracing }: Telemetry,
  desks: Desks,
): Promise<GrpcServer> {
  return startGrpcServer({
    listen: addressText(settings.listen),
    allowInsecure: settings.allowInsecureListen,
    ...desks,
    tracing,
    log,
    serving: true,
  });
}

async function startMetrics(
  { metricsListen, allowInsecureListen }: Settings,
  { log, metricsText }: Telemetry,
  queries: Queries,
): Promise<HttpServer | undefined> {
  if (!metricsListen) return undefined;
  return startHttpServer({
    listen: addressText(metricsListen),
    allowInsecure: allowInsecureListen,
    metrics: metricsText,
    readiness: () => readinessOf(queries),
    log,
  });
}

/** In the words of requirement R74. */
async function readinessOf(queries: Queries): Promise<Readiness> {
  const { components } = await queries.status();
  const healthy = (name: string): boolean =>
    components.find((component) => component.name === name)?.healthy ?? false;
  return {
    healthy: healthy('ledger') && healthy('rate_limiter'),
    services: {
      database: healthy('ledger') ? 'connected' : 'unavailable',
      redis: healthy('rate_limiter') ? 'connected' : 'unavailable',
      external_agents: 'enabled',
    },
  };
}

async function drain(grpc: GrpcServer, { log }: Telemetry): Promise<void> {
  const cut = await grpc.drain(DRAIN_MS);
  if (cut > 0) log.warn({ cut }, 'requests were cut off because the time to drain was over');
  else log.info({}, 'drained');
}
