import { describe, expect, it } from 'vitest';
import { readSettings, SettingsError } from '../../src/config.ts';
import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readSettings(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).message.split('\n');
  }
}

const KEY = 'ab'.repeat(32);

describe('settings of a process that is told nothing', () => {
  const settings = readSettings({});

  it('are enough to start on embedded stores, on loopback', () => {
    expect(settings).toMatchObject({
      configPath: './tollgate.yaml',
      configPathGiven: false,
      listen: { kind: 'tcp', host: '127.0.0.1', port: 7600 },
      metricsListen: { kind: 'tcp', host: '127.0.0.1', port: 7601 },
      dataDir: '.tollgate',
      redis: { url: undefined, deadlineMs: 10 },
      database: { url: undefined },
      telemetry: { tracesUrl: undefined, serviceName: 'tollgate' },
      tokenKey: undefined,
      logLevel: 'info',
    });
  });

  it('have the defaults of the documents (R72)', () => {
    expect(settings.environmentDefaults).toEqual(BUILT_IN_DEFAULTS);
    expect(settings.redis).toMatchObject({
      maxConnections: 50,
      keepAlive: true,
      connectTimeoutMs: 10_000,
    });
    expect(settings.database).toMatchObject({ poolSize: 20, maxOverflow: 10 });
  });

  it('say what that means', () => {
    expect(settings.notes).toEqual([
      'REDIS_URL is not set: rate windows are counted in this process alone.',
      'DATABASE_URL is not set: budgets and records are kept in the data directory.',
      'TOLLGATE_TOKEN_KEY is not set: authorization tokens end with this process.',
    ]);
  });

  it('are frozen', () => {
    for (const part of [settings, settings.redis, settings.environmentDefaults, settings.notes]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('the variables of the documents work under their names (R72)', () => {
  it('as defaults for agents, limits and budgets, read without floating point', () => {
    const { environmentDefaults } = readSettings({
      EXTERNAL_AGENT_DEFAULT_MONTHLY_BUDGET: '250.10',
      EXTERNAL_AGENT_DEFAULT_DAILY_BUDGET: '-1',
      EXTERNAL_AGENT_DEFAULT_COST_PER_EXECUTION: '0.07',
      EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_MINUTE: '0',
      EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_HOUR: '-1',
      EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_DAY: '700',
      EXTERNAL_AGENT_BUDGET_WARNING_THRESHOLD: '0.805',
      EXTERNAL_AGENT_BUDGET_DEGRADATION_THRESHOLD: '1.0',
      EXTERNAL_AGENT_RATE_LIMIT_FAIL_OPEN: 'True',
      EXTERNAL_AGENT_RATE_LIMIT_BURST_MULTIPLIER: '2.0',
      EXTERNAL_AGENT_POLICY_CONFLICT_RESOLUTION: 'FIRST_APPLICABLE',
      EXTERNAL_AGENT_POLICY_FAIL_MODE: 'closed',
    });
    expect(environmentDefaults).toEqual({
      agentDefaultsInForce: true,
      agentDefaults: {
        monthlyBudgetMicroUsd: 250_100_000n,
        dailyBudgetMicroUsd: undefined,
        requestsPerMinute: 0,
        requestsPerHour: undefined,
        requestsPerDay: 700,
      },
      defaultCostMicroUsd: 70_000n,
      warnPerMille: 805,
      degradePerMille: 1000,
      onOutage: 'allow',
      burstMultiplier: 2,
      combining: 'FIRST_APPLICABLE',
    });
  });

  it.each([
    [{}, 10],
    [{ REDIS_TIMEOUT_SECONDS: '5.0' }, 5000],
    [{ REDIS_TIMEOUT_SECONDS: '0.025' }, 25],
    [{ REDIS_TIMEOUT_SECONDS: '5.0', TOLLGATE_REDIS_DEADLINE_MS: '15' }, 15],
  ])('P28: %o bounds a Redis command to %d ms', (env, deadlineMs) => {
    expect(readSettings(env).redis.deadlineMs).toBe(deadlineMs);
  });

  it('are accepted and named where their feature does not exist yet', () => {
    const { notes } = readSettings({
      REDIS_URL: 'redis://localhost:6379/0',
      DATABASE_URL: 'postgres://localhost/tollgate',
      TOLLGATE_TOKEN_KEY: KEY,
      EXTERNAL_AGENT_ENCRYPTION_KEY: 'k',
      EXTERNAL_AGENT_ENCRYPTION_KEY_NEW: 'n',
      EXTERNAL_AGENT_WEBHOOK_TIMEOUT_SECONDS: '30',
      EXTERNAL_AGENT_WEBHOOK_RETRY_ATTEMPTS: '3',
      EXTERNAL_AGENT_ALLOWED_WEBHOOK_DOMAINS: 'hooks.slack.com',
    });
    expect(notes).toEqual([
      'Accepted and without effect in this version: EXTERNAL_AGENT_ENCRYPTION_KEY, EXTERNAL_AGENT_ENCRYPTION_KEY_NEW, EXTERNAL_AGENT_WEBHOOK_TIMEOUT_SECONDS, EXTERNAL_AGENT_WEBHOOK_RETRY_ATTEMPTS, EXTERNAL_AGENT_ALLOWED_WEBHOOK_DOMAINS.',
    ]);
  });

  it('fall back to their default when they are set to nothing', () => {
    expect(readSettings({ REDIS_URL: '', DATABASE_POOL_SIZE: ' ' })).toMatchObject({
      redis: { url: undefined },
      database: { poolSize: 20 },
    });
  });
});

describe('a setting that cannot be used', () => {
  it.each([
    [
      'TOLLGATE_LOG_LEVEL',
      'inf',
      'expected trace, debug, info, warn, error, fatal or silent, found "inf"; did you mean "info"?',
    ],
    ['TOLLGATE_REDIS_DEADLINE_MS', '0', 'expected a whole number from 1 to 60000, found "0"'],
    ['DATABASE_POOL_SIZE', '1e2', 'expected a whole number from 1 to 1000, found "1e2"'],
    ['REDIS_SOCKET_KEEPALIVE', 'maybe', 'expected true or false, found "maybe"'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'expected a number from 0 to 1, found "1.5"'],
    ['EXTERNAL_AGENT_POLICY_FAIL_MODE', 'open', 'expected "closed", found "open"'],
    [
      'EXTERNAL_AGENT_BUDGET_WARNING_THRESHOLD',
      '80',
      'expected a share such as 0.80: above 0 and at most 1, at most 3 decimal places, found "80"',
    ],
    [
      'EXTERNAL_AGENT_DEFAULT_COST_PER_EXECUTION',
      '-0.05',
      'expected US dollars such as 0.05: a decimal that is not negative, at most 6 places, found "-0.05"',
    ],
    [
      'EXTERNAL_AGENT_DEFAULT_MONTHLY_BUDGET',
      'NaN',
      'expected US dollars such as 100.0: a decimal that is not negative, at most 6 places (0 blocks, -1 is unlimited), found "NaN"',
    ],
    [
      'TOLLGATE_LISTEN',
      '7600',
      '"7600" is no address: write "host:port", "[ipv6]:port" or "unix:/path/to.sock".',
    ],
    ['TOLLGATE_LISTN', 'x', 'there is no such variable; did you mean TOLLGATE_LISTEN?'],
    [
      'EXTERNAL_AGENT_RATE_LIMIT_PER_MINUTE',
      '5',
      'there is no such variable; did you mean EXTERNAL_AGENT_DEFAULT_RATE_LIMIT_PER_MINUTE?',
    ],
    ['TOLLGATE_XYZZY', 'x', 'there is no such variable'],
  ])('%s=%s is refused with what was expected', (variable, value, said) => {
    expect(problemsOf({ [variable]: value })).toEqual([`${variable}: ${said}`]);
  });

  it('is listed with all the others', () => {
    const env = {
      TOLLGATE_LISTEN: '0.0.0.0:7600',
      TOLLGATE_METRICS_LISTEN: 'nowhere',
      TOLLGATE_CONFG: 'x',
      DATABASE_POOL_SIZE: '0',
      REDIS_URL: 'localhost',
    };
    expect(
      problemsOf(env)
        .map((one) => one.split(':')[0])
        .sort(),
    ).toEqual(Object.keys(env).sort());
  });

  it.each(['0.0.0.0:7600', '10.0.0.5:7600', '[::]:7600', 'tollgate.internal:7600'])(
    'is %s, which others can reach without TLS, unless that is asked for',
    (address) => {
      const [said, ...others] = problemsOf({ TOLLGATE_LISTEN: address });
      expect(said).toContain('TOLLGATE_INSECURE_LISTEN=true');
      expect(others).toEqual([]);
      const opened = { TOLLGATE_LISTEN: address, TOLLGATE_INSECURE_LISTEN: 'true' };
      expect(problemsOf(opened)).toEqual([]);
    },
  );

  it.each(['[::1]:7600', '127.0.0.1:0', 'localhost:7600', 'unix:/run/tollgate.sock'])(
    'is not %s, which stays on this machine',
    (address) => {
      expect(problemsOf({ TOLLGATE_LISTEN: address })).toEqual([]);
    },
  );

  it('is not what Kubernetes sets for Services whose names begin like ours', () => {
    const host = '10.96.0.1';
    expect(
      problemsOf({
        TOLLGATE_SERVICE_HOST: host,
        TOLLGATE_SERVICE_PORT: '7600',
        TOLLGATE_SERVICE_PORT_GRPC: '7600',
        TOLLGATE_PORT: `tcp://${host}:7600`,
        TOLLGATE_CONTROL_PORT_7600_TCP: `tcp://${host}:7600`,
        TOLLGATE_CONTROL_PORT_7600_TCP_ADDR: host,
        EXTERNAL_AGENT_HUB_SERVICE_HOST: host,
      }),
    ).toEqual([]);
    expect(problemsOf({ TOLLGATE_PORT: '7600' })).toHaveLength(1);
  });
});

describe('secrets', () => {
  it.each([
    ['hex', KEY],
    ['base64', Buffer.alloc(32, 7).toString('base64')],
    ['base64url', Buffer.alloc(40, 0xfb).toString('base64url')],
  ])('are read as %s of at least 32 bytes', (_form, text) => {
    expect(readSettings({ TOLLGATE_TOKEN_KEY: text }).tokenKey!.length).toBeGreaterThanOrEqual(32);
  });

  it('are not in the message that refuses them', () => {
    const said = problemsOf({
      TOLLGATE_TOKEN_KEY: 'tooshort',
      REDIS_URL: 'http://:hunter2@host',
      DATABASE_URL: 'mysql://:hunter2@host',
    });
    expect(said).toHaveLength(3);
    expect(said.join()).not.toMatch(/tooshort|hunter2/);
  });

  it('are masked where settings are shown', () => {
    const shown = readSettings({
      TOLLGATE_TOKEN_KEY: KEY,
      EXTERNAL_AGENT_ENCRYPTION_KEY: 'hunter1',
      REDIS_URL: 'rediss://user:hunter2@redis:6379/0',
      DATABASE_URL: 'postgres://user:hunter3@db/tollgate?password=hunter4',
    }).describe();
    expect(JSON.stringify(shown)).not.toMatch(/hunter|abab/);
    expect(shown).toMatchObject({
      TOLLGATE_TOKEN_KEY: '********',
      REDIS_URL: 'rediss://user:********@redis:6379/0',
      DATABASE_URL: 'postgres://user:********@db/tollgate?********',
      DATABASE_POOL_SIZE: '20',
    });
  });
});

describe('tracing settings', () => {
  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' }, 'http://c:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/x' }, 'http://c:4318/x'],
  ])('%o send traces to %s', (env, tracesUrl) => {
    expect(readSettings(env).telemetry.tracesUrl).toBe(tracesUrl);
  });
});
