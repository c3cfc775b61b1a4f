import { z } from 'zod';
import { COMBINING } from '../policy/verdict.ts';
import { MAX_WINDOW_LIMIT } from './bounds.ts';
import { choice } from './fields.ts';
import {
  anyText,
  count,
  endpoint,
  flag,
  keyPrefix,
  multiplier,
  redisUrl,
  ratio,
  sealed,
  seconds,
  share,
  keyMaterial,
  url,
  usd,
  usdCap,
  wholeNumber,
} from './variable-fields.ts';

/**
 * Every environment variable, what it may be and what it is for. src/config.ts reads them;
 * docs/configuration.md lists them.
 */

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type Sampler = (typeof SAMPLERS)[number];

export const variablesSchema = z.object({
  TOLLGATE_CONFIG: anyText.prefault('./tollgate.yaml').describe('Path of the configuration file.'),
  TOLLGATE_LISTEN: anyText
    .prefault('127.0.0.1:7600')
    .describe('Where callers are served: host:port (0 takes any free port) or unix:/path.'),
  TOLLGATE_INSECURE_LISTEN: flag
    .prefault('false')
    .describe('Allows listening beyond loopback although nothing protects the connection.'),
  TOLLGATE_METRICS_LISTEN: anyText
    .prefault('127.0.0.1:7601')
    .describe('Where Prometheus finds metrics: host:port, unix:/path or off.'),
  TOLLGATE_DATA_DIR: anyText
    .prefault('.tollgate')
    .describe('Directory of the embedded ledger and of records on their way to it.'),
  TOLLGATE_TOKEN_KEY: keyMaterial
    .optional()
    .describe(
      'Secret that signs authorization tokens; the same for all sidecars that share callers. Absent means one made at each start.',
    ),
  TOLLGATE_PERSONAL_KEY: keyMaterial
    .optional()
    .describe(
      'Secret that the keys of personal data are sealed under; the same for all sidecars of a ledger, from its first start on. Absent means one that the ledger makes and keeps in its database.',
    ),
  TOLLGATE_JOURNAL_MAX_MB: wholeNumber(16, 1_000_000)
    .prefault('1024')
    .describe('Room for records that wait on disk for the database.'),
  TOLLGATE_JOURNAL_ON_FULL: choice(['deny', 'drop'])
    .prefault('deny')
    .describe(
      'When a record cannot be kept on this machine: deny the call, or go on without its record, counted and told of.',
    ),
  TOLLGATE_SIGNING_KEY_FILE: anyText
    .optional()
    .describe(
      'PEM file of the private key of Ed25519 that signs checkpoints of the record. Absent means one that is made in the data directory.',
    ),
  TOLLGATE_CHECKPOINT_EVERY_S: wholeNumber(1, 86_400)
    .prefault('60')
    .describe('How often chains that have grown are signed, in seconds.'),
  TOLLGATE_LOG_LEVEL: choice(LOG_LEVELS).prefault('info').describe('Least level that is logged.'),

  REDIS_URL: redisUrl
    .optional()
    .describe(
      'Redis that counts rate windows for all sidecars. Absent means counted in this process alone.',
    ),
  TOLLGATE_REDIS_CA_FILE: anyText
    .optional()
    .describe('PEM file of who vouches for Redis, with rediss://. Absent means the system’s.'),
  TOLLGATE_REDIS_CERT_FILE: anyText
    .optional()
    .describe('PEM file of the certificate that is shown to Redis.'),
  TOLLGATE_REDIS_KEY_FILE: anyText.optional().describe('PEM file of its key.'),
  TOLLGATE_REDIS_DEADLINE_MS: wholeNumber(1, 60_000)
    .optional()
    .describe('How long one command may take. Default 10, or REDIS_TIMEOUT_SECONDS.'),
  REDIS_TIMEOUT_SECONDS: seconds
    .optional()
    .describe('The same in seconds; TOLLGATE_REDIS_DEADLINE_MS wins.'),
  TOLLGATE_REDIS_PREFIX: keyPrefix
    .prefault('tollgate')
    .describe('In front of every key in Redis; sidecars that share limits share it.'),
  REDIS_MAX_CONNECTIONS: wholeNumber(1, 1000)
    .prefault('50')
    .describe(
      'Accepted as it is: one connection to each server carries all calls, many in one script.',
    ),
  REDIS_SOCKET_KEEPALIVE: flag.prefault('true').describe('TCP keep-alive.'),
  REDIS_CONNECTION_POOL_TIMEOUT: seconds
    .prefault('10')
    .describe(
      'Accepted as it is: nobody waits for a connection. Trying goes on in the background, and calls are answered meanwhile.',
    ),

  DATABASE_URL: url('a URL such as postgresql://user@localhost:5432/tollgate', [
    'postgres:',
    'postgresql:',
  ])
    .optional()
    .describe(
      'Postgres that keeps budgets and records. Absent means embedded in TOLLGATE_DATA_DIR.',
    ),
  DATABASE_POOL_SIZE: wholeNumber(1, 1000).prefault('20').describe('Connections kept.'),
  DATABASE_MAX_OVERFLOW: wholeNumber(0, 1000)
    .prefault('10')
    .describe('Connections beyond that under load.'),
  TOLLGATE_DATABASE_DEADLINE_MS: wholeNumber(1, 60_000)
    .prefault('1000')
    .describe('How long one transaction may take.'),
  TOLLGATE_ARCHIVE_AFTER_DAYS: wholeNumber(2, 36_500)
    .prefault('7')
    .describe(
      'How long settled calls stay in the tables that calls are decided on, and request ids are remembered; then they move to the archive.',
    ),

  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint
    .optional()
    .describe('Where traces go, without the path /v1/traces. Absent means nowhere.'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint
    .optional()
    .describe('The same with its whole path; wins.'),
  OTEL_SERVICE_NAME: anyText.prefault('tollgate').describe('Name of this service in traces.'),
  OTEL_TRACES_SAMPLER: choice(SAMPLERS)
    .prefault('parentbased_always_on')
    .describe('Which traces are kept.'),
  OTEL_TRACES_SAMPLER_ARG: ratio.prefault('1').describe('Share kept by the ratio samplers.'),

  EXTERNAL_AGENT_DEFAULT_MONTHLY_BUDGET: usdCap
    .prefault('100.0')
    .describe('Monthly budget of every agent. Setting it puts the agent defaults in force.'),
  EXTERNAL_AGENT_DEFAULT_DAILY_BUDGET: usdCap
    .prefault('10.0')
    .describe('Daily budget of every agent. Setting it puts the agent defaults in force.'),
  EXTERNAL_AGENT_DEFAULT_COST_PER_EXECUTION: usd
    .prefault('0.05')
    .describe(
      'Price of a call to an agent without a provider. Setting it puts the agent defaults in force.',
    ),
  EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_MINUTE: count(MAX_WINDOW_LIMIT)
    .prefault('10')
    .describe('Calls to every agent a minute. Setting it puts the agent defaults in force.'),
  EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_HOUR: count(MAX_WINDOW_LIMIT)
    .prefault('100')
    .describe('Calls to every agent an hour. Setting it puts the agent defaults in force.'),
  EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_DAY: count(MAX_WINDOW_LIMIT)
    .prefault('500')
    .describe('Calls to every agent a day. Setting it puts the agent defaults in force.'),
  EXTERNAL_AGENT_BUDGET_WARNING_THRESHOLD: share.prefault('0.80').describe('Default of `warn_at`.'),
  EXTERNAL_AGENT_BUDGET_DEGRADATION_THRESHOLD: share
    .prefault('0.90')
    .describe('Default of `degrade_at`.'),
  EXTERNAL_AGENT_RATE_LIMIT_FAIL_OPEN: flag
    .prefault('false')
    .describe('true makes `on_outage: allow` the default of limits.'),
  EXTERNAL_AGENT_RATE_LIMIT_BURST_MULTIPLIER: multiplier
    .prefault('1')
    .describe('Default of `burst_multiplier`.'),
  EXTERNAL_AGENT_POLICY_CONFLICT_RESOLUTION: choice(COMBINING)
    .prefault('DENY_OVERRIDES')
    .describe('Default of `combining`.'),
  EXTERNAL_AGENT_POLICY_FAIL_MODE: choice(['closed'])
    .prefault('closed')
    .describe('What cannot be evaluated never allows; there is no other mode.'),

  EXTERNAL_AGENT_ENCRYPTION_KEY: sealed.optional().describe('Key of stored credentials.'),
  EXTERNAL_AGENT_ENCRYPTION_KEY_NEW: sealed.optional().describe('Its successor in a rotation.'),
  EXTERNAL_AGENT_WEBHOOK_TIMEOUT_SECONDS: seconds
    .prefault('30')
    .describe('How long a delivery may take.'),
  EXTERNAL_AGENT_WEBHOOK_RETRY_ATTEMPTS: wholeNumber(0, 20)
    .prefault('3')
    .describe('Attempts of a delivery.'),
  EXTERNAL_AGENT_ALLOWED_WEBHOOK_DOMAINS: anyText
    .optional()
    .describe('Domains that may be delivered to, separated by commas.'),
});

export type Variables = z.output<typeof variablesSchema>;
export type VariableName = keyof Variables;

/** Accepted, checked, and not used by anything yet. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set<VariableName>([
  'EXTERNAL_AGENT_ENCRYPTION_KEY',
  'EXTERNAL_AGENT_ENCRYPTION_KEY_NEW',
  'EXTERNAL_AGENT_WEBHOOK_TIMEOUT_SECONDS',
  'EXTERNAL_AGENT_WEBHOOK_RETRY_ATTEMPTS',
  'EXTERNAL_AGENT_ALLOWED_WEBHOOK_DOMAINS',
]);

/** What is never printed. */
export const SECRETS: ReadonlySet<string> = new Set<VariableName>([
  'TOLLGATE_TOKEN_KEY',
  'TOLLGATE_PERSONAL_KEY',
  'EXTERNAL_AGENT_ENCRYPTION_KEY',
  'EXTERNAL_AGENT_ENCRYPTION_KEY_NEW',
]);

/** URLs of which the password and the query are never printed. */
export const SECRET_URLS: ReadonlySet<string> = new Set<VariableName>([
  'REDIS_URL',
  'DATABASE_URL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
]);

/** A variable as people read about it. */
export interface VariablePage {
  readonly name: VariableName;
  readonly expected: string;
  /** Undefined when there is none. */
  readonly default: string | undefined;
  readonly description: string;
}

/** Every variable, in the order of the schema. */
export function variablePages(): readonly VariablePage[] {
  return Object.entries(variablesSchema.shape).map(([name, schema]) => ({
    name: name as VariableName,
    expected: String(schema.unwrap().meta()?.expected),
    default: schema instanceof z.ZodPrefault ? String(schema.def.defaultValue) : undefined,
    description: schema.description ?? '',
  }));
}
