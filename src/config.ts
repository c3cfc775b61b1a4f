import {
  BUILT_IN_DEFAULTS,
  type EnvironmentDefaults,
} from './configuration/environment-defaults.ts';
import { unknownVariables } from './configuration/unknown-variables.ts';
import {
  SECRET_URLS,
  SECRETS,
  variablePages,
  variablesSchema,
  WITHOUT_EFFECT,
  type LogLevel,
  type Sampler,
  type VariableName,
  type Variables,
} from './configuration/variables.ts';
import { maskedRedisAddress } from './lib/redis-address.ts';
import { ListenError, parseAddress, type Address } from './server/address.ts';

const MS_PER_SECOND = 1_000;
const MS_PER_DAY = 86_400_000;
const BYTES_PER_MB = 1_048_576;

/** What one process is told by its environment. Frozen; nothing else reads the environment. */
export interface Settings {
  /** Path of tollgate.yaml. Whether the file is there is for the caller to see. */
  readonly configPath: string;
  /** Whether TOLLGATE_CONFIG was set, so that a missing file is a mistake and not a first start. */
  readonly configPathGiven: boolean;
  readonly listen: Address;
  readonly allowInsecureListen: boolean;
  /** Undefined means off. */
  readonly metricsListen: Address | undefined;
  readonly dataDir: string;
  readonly redis: RedisSettings;
  readonly database: DatabaseSettings;
  readonly telemetry: TelemetrySettings;
  /** At least 32 bytes; undefined means: make one. Never print it. */
  readonly tokenKey: Uint8Array | undefined;
  /** At least 32 bytes; undefined means: the ledger's own. Never print it. */
  readonly personalKey: Uint8Array | undefined;
  /** Of the key that signs checkpoints; undefined means one in `dataDir`. */
  readonly signingKeyFile: string | undefined;
  readonly checkpointEveryMs: number;
  readonly journal: JournalSettings;
  readonly logLevel: LogLevel;
  readonly environmentDefaults: EnvironmentDefaults;
  /** What the start-up log should say once. */
  readonly notes: readonly string[];
  /** Every variable with the value in force, secrets and passwords masked. */
  describe(): Readonly<Record<string, string>>;
}

export interface JournalSettings {
  readonly maxBytes: number;
  readonly onFull: 'deny' | 'drop';
}

export interface RedisSettings {
  /** Undefined means: count in this process. May contain a password. */
  readonly url: string | undefined;
  readonly deadlineMs: number;
  readonly maxConnections: number;
  readonly keepAlive: boolean;
  readonly connectTimeoutMs: number;
  readonly keyPrefix: string;
  /** Paths of PEM files; undefined means those of the system, or none. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export interface DatabaseSettings {
  /** Undefined means: embedded in `dataDir`. May contain a password. */
  readonly url: string | undefined;
  readonly poolSize: number;
  /** Connections beyond `poolSize` under load. */
  readonly maxOverflow: number;
  readonly deadlineMs: number;
  /** Settled calls older than this move to the archive. */
  readonly archiveAfterMs: number;
}

export interface TelemetrySettings {
  /** Whole URL that takes OTLP traces; undefined means that none are sent. */
  readonly tracesUrl: string | undefined;
  readonly serviceName: string;
  readonly sampler: Sampler;
  /** From 0 to 1, for the samplers that keep a share. */
  readonly samplerRatio: number;
}

export interface SettingProblem {
  readonly variable: string;
  /** What was expected; never the value of a secret. */
  readonly message: string;
}

/**
 * Settings that cannot be used. Its message lists every problem, one on a line, and can be printed
 * as it is.
 */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    super(problems.map(({ variable, message }) => `${variable}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLES = Object.keys(variablesSchema.shape) as readonly VariableName[];

/**
 * Reads, checks and freezes the settings. A variable that is set to nothing counts as not set.
 * @throws SettingsError with every problem, not the first.
 */
export function readSettings(env: Environment = process.env): Settings {
  const given = Object.fromEntries(
    VARIABLES.flatMap((name) => (env[name]?.trim() ? [[name, env[name]]] : [])),
  ) as Given;
  const result = variablesSchema.safeParse(given);
  const flag = variablesSchema.shape.TOLLGATE_INSECURE_LISTEN.safeParse(
    given.TOLLGATE_INSECURE_LISTEN,
  );
  const insecure = flag.data ?? true;
  const listen = addressOf('TOLLGATE_LISTEN', given, insecure);
  const metrics = addressOf('TOLLGATE_METRICS_LISTEN', given, insecure);
  const problems = [
    ...(result.error?.issues ?? []).map(({ path, message }) => ({
      variable: String(path[0]),
      message,
    })),
    ...[listen, metrics].flatMap((address) => (isProblem(address) ? [address] : [])),
    ...unknownVariables(env, VARIABLES),
  ];
  if (!result.success || isProblem(listen) || isProblem(metrics) || problems.length > 0) {
    throw new SettingsError(problems);
  }
  return settingsOf(result.data, given, { listen: listen.address!, metrics: metrics.address });
}

type Given = Readonly<Partial<Record<VariableName, string>>>;

interface Addresses {
  readonly listen: Address;
  readonly metrics: Address | undefined;
}

function settingsOf(values: Variables, given: Given, { listen, metrics }: Addresses): Settings {
  return Object.freeze({
    configPath: values.TOLLGATE_CONFIG,
    configPathGiven: given.TOLLGATE_CONFIG !== undefined,
    listen: Object.freeze(listen),
    allowInsecureListen: values.TOLLGATE_INSECURE_LISTEN,
    metricsListen: metrics && Object.freeze(metrics),
    dataDir: values.TOLLGATE_DATA_DIR,
    redis: Object.freeze(redisOf(values)),
    database: Object.freeze({
      url: values.DATABASE_URL,
      poolSize: values.DATABASE_POOL_SIZE,
      maxOverflow: values.DATABASE_MAX_OVERFLOW,
      deadlineMs: values.TOLLGATE_DATABASE_DEADLINE_MS,
      archiveAfterMs: values.TOLLGATE_ARCHIVE_AFTER_DAYS * MS_PER_DAY,
    }),
    telemetry: Object.freeze(telemetryOf(values)),
    tokenKey: values.TOLLGATE_TOKEN_KEY,
    personalKey: values.TOLLGATE_PERSONAL_KEY,
    signingKeyFile: values.TOLLGATE_SIGNING_KEY_FILE,
    checkpointEveryMs: values.TOLLGATE_CHECKPOINT_EVERY_S * MS_PER_SECOND,
    journal: Object.freeze({
      maxBytes: values.TOLLGATE_JOURNAL_MAX_MB * BYTES_PER_MB,
      onFull: values.TOLLGATE_JOURNAL_ON_FULL,
    }),
    logLevel: values.TOLLGATE_LOG_LEVEL,
    environmentDefaults: Object.freeze(environmentDefaultsOf(values, given)),
    notes: Object.freeze(notesOf(given)),
    describe: () => described(given),
  });
}

function redisOf(values: Variables): RedisSettings {
  return {
    url: values.REDIS_URL,
    deadlineMs:
      values.TOLLGATE_REDIS_DEADLINE_MS ?? values.REDIS_TIMEOUT_SECONDS ?? REDIS_DEADLINE_MS,
    maxConnections: values.REDIS_MAX_CONNECTIONS,
    keepAlive: values.REDIS_SOCKET_KEEPALIVE,
    connectTimeoutMs: values.REDIS_CONNECTION_POOL_TIMEOUT,
    keyPrefix: values.TOLLGATE_REDIS_PREFIX,
    caFile: values.TOLLGATE_REDIS_CA_FILE,
    certFile: values.TOLLGATE_REDIS_CERT_FILE,
    keyFile: values.TOLLGATE_REDIS_KEY_FILE,
  };
}

/** A Redis nearby answers in a tenth of this; a caller waits for no longer. */
const REDIS_DEADLINE_MS = 10;

function telemetryOf(values: Variables): TelemetrySettings {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '');
  return {
    tracesUrl: values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base}/v1/traces`),
    serviceName: values.OTEL_SERVICE_NAME,
    sampler: values.OTEL_TRACES_SAMPLER,
    samplerRatio: values.OTEL_TRACES_SAMPLER_ARG,
  };
}

function environmentDefaultsOf(values: Variables, given: Given): EnvironmentDefaults {
  const costGiven = given.EXTERNAL_AGENT_DEFAULT_COST_PER_EXECUTION !== undefined;
  return {
    agentDefaultsInForce: Object.keys(given).some((name) =>
      name.startsWith('EXTERNAL_AGENT_DEFAULT_'),
    ),
    agentDefaults: Object.freeze({
      monthlyBudgetMicroUsd: values.EXTERNAL_AGENT_DEFAULT_MONTHLY_BUDGET,
      dailyBudgetMicroUsd: values.EXTERNAL_AGENT_DEFAULT_DAILY_BUDGET,
      requestsPerMinute: values.EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_MINUTE,
      requestsPerHour: values.EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_HOUR,
      requestsPerDay: values.EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_DAY,
    }),
    defaultCostMicroUsd: costGiven
      ? values.EXTERNAL_AGENT_DEFAULT_COST_PER_EXECUTION
      : BUILT_IN_DEFAULTS.defaultCostMicroUsd,
    warnPerMille: values.EXTERNAL_AGENT_BUDGET_WARNING_THRESHOLD,
    degradePerMille: values.EXTERNAL_AGENT_BUDGET_DEGRADATION_THRESHOLD,
    onOutage: values.EXTERNAL_AGENT_RATE_LIMIT_FAIL_OPEN ? 'allow' : 'deny',
    burstMultiplier: values.EXTERNAL_AGENT_RATE_LIMIT_BURST_MULTIPLIER,
    combining: values.EXTERNAL_AGENT_POLICY_CONFLICT_RESOLUTION,
  };
}

type Placed = { readonly address: Address | undefined } | SettingProblem;

function isProblem(placed: Placed): placed is SettingProblem {
  return 'variable' in placed;
}

/** Addresses are read by the listener itself, so that what passes here can be listened on. */
function addressOf(
  variable: 'TOLLGATE_LISTEN' | 'TOLLGATE_METRICS_LISTEN',
  given: Given,
  allowInsecure: boolean,
): Placed {
  const text = variablesSchema.shape[variable].parse(given[variable]);
  if (variable === 'TOLLGATE_METRICS_LISTEN' && text === 'off') return { address: undefined };
  try {
    return { address: parseAddress(text, { allowInsecure }) };
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    const remedy = error.message.includes('TLS') ? ' (TOLLGATE_INSECURE_LISTEN=true)' : '';
    return { variable, message: error.message + remedy };
  }
}

function notesOf(given: Given): readonly string[] {
  const notes: string[] = [];
  if (given.REDIS_URL === undefined) {
    notes.push('REDIS_URL is not set: rate windows are counted in this process alone.');
  }
  if (given.DATABASE_URL === undefined) {
    notes.push('DATABASE_URL is not set: budgets and records are kept in the data directory.');
  }
  if (given.TOLLGATE_TOKEN_KEY === undefined) {
    notes.push('TOLLGATE_TOKEN_KEY is not set: authorization tokens end with this process.');
  }
  const idle = Object.keys(given).filter((name) => WITHOUT_EFFECT.has(name));
  if (idle.length > 0)
    notes.push(`Accepted and without effect in this version: ${idle.join(', ')}.`);
  return notes;
}

const MASK = '********';

function described(given: Given): Readonly<Record<string, string>> {
  return Object.fromEntries(
    variablePages().map((page) => [page.name, shown(page.name, given[page.name] ?? page.default)]),
  );
}

function shown(name: VariableName, value: string | undefined): string {
  if (value === undefined) return '';
  if (SECRETS.has(name)) return MASK;
  if (name === 'REDIS_URL') return maskedRedisAddress(value, MASK);
  return SECRET_URLS.has(name) ? maskedUrl(value) : value;
}

/** Without password and query, which may carry another one. */
function maskedUrl(text: string): string {
  const url = new URL(text);
  if (url.password !== '') url.password = MASK;
  if (url.search !== '') url.search = `?${MASK}`;
  return url.href;
}
