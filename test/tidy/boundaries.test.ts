import { createRequire } from 'node:module';
import { join } from 'node:path';

import { cruise, type IConfiguration, type ICruiseResult } from 'dependency-cruiser';
import { expect, test } from 'vitest';

import { type Files, projectRoot, ScratchProject } from './scratch-project.ts';

const require = createRequire(import.meta.url);
const configuration = require(join(projectRoot, '.dependency-cruiser.cjs')) as IConfiguration;
const ruleNames = configuration.forbidden?.map((rule) => rule.name ?? '') ?? [];

const empty = 'export {};\n';

/** For each rule, the smallest program that breaks it, and nothing else. */
const offenders: Record<string, Files> = {
  'no-cycles': {
    'src/server/one.ts': "import './two.ts';\n",
    'src/server/two.ts': "import './one.ts';\n",
  },
  'lib-knows-nobody': {
    'src/lib/money.ts': "import '../policy/policy.ts';\n",
    'src/policy/policy.ts': empty,
  },
  'scope-knows-lib-only': {
    'src/scope/scope.ts': "import '../limits/limit.ts';\n",
    'src/limits/limit.ts': empty,
  },
  'domain-knows-lib-only': {
    'src/budgets/budget.ts': "import '../limits/limit.ts';\n",
    'src/limits/limit.ts': empty,
  },
  'decision-knows-ports-only': {
    'src/decision/pipeline.ts': "import '../stores/redis/limiter.ts';\n",
    'src/stores/redis/limiter.ts': empty,
  },
  'server-and-stores-never-meet': {
    'src/server/service.ts': "import type { Ledger } from '../stores/postgres/ledger.ts';\n",
    'src/stores/postgres/ledger.ts': 'export interface Ledger {}\n',
  },
  'replay-knows-the-domain-only': {
    'src/replay/world.ts': "import '../stores/redis/limiter.ts';\n",
    'src/stores/redis/limiter.ts': empty,
  },
  'replay-is-for-its-command': {
    'src/serve.ts': "import './stores/memory/memory-ledger.ts';\n",
    'src/stores/memory/memory-ledger.ts': empty,
  },
  'nobody-knows-main': {
    'src/telemetry/tracer.ts': "import '../main.ts';\n",
    'src/main.ts': empty,
  },
  'program-knows-no-tests': {
    'src/server/service.ts': "import '../../test/support/redis.ts';\n",
    'test/support/redis.ts': empty,
  },
  'core-does-no-io': { 'src/policy/policy.ts': "import 'node:fs';\n" },
  'core-imports-pure-packages-only': { 'src/limits/limit.ts': "import 'pino';\n" },
  'grpc-in-server-only': { 'src/control/outbox.ts': "import '@grpc/grpc-js';\n" },
  'ioredis-in-redis-only': { 'src/stores/memory/limiter.ts': "import 'ioredis';\n" },
  'pg-in-postgres-only': { 'src/stores/embedded/ledger.ts': "import 'pg';\n" },
  'pglite-in-embedded-only': {
    'src/stores/postgres/ledger.ts': "import '@electric-sql/pglite';\n",
  },
  'parquet-in-export-only': { 'src/commands/status.ts': "import 'hyparquet-writer';\n" },
  'gen-at-the-edges-only': {
    'src/control/outbox.ts': "import type { Call } from '../gen/call.ts';\n",
    'src/gen/call.ts': 'export interface Call {}\n',
  },
  'no-development-packages': { 'src/control/outbox.ts': "import 'fast-check';\n" },
  'no-unresolvable': { 'src/control/outbox.ts': "import './nowhere.ts';\n" },
};

/** @returns the names of the rules that the files break, each once. */
async function brokenRules(files: Files): Promise<string[]> {
  using project = new ScratchProject(files);
  const { forbidden = [], options } = configuration;
  const { tsConfig: _paths, ...settings } = options ?? {};
  const { output } = await cruise(['.'], {
    ...settings,
    ruleSet: { forbidden },
    validate: true,
    baseDir: project.root,
  });
  const { violations } = (output as ICruiseResult).summary;
  return [...new Set(violations.map((violation) => violation.rule.name))];
}

test('every boundary has a program that breaks it', () => {
  expect(Object.keys(offenders).sort()).toEqual([...ruleNames].sort());
});

test.each(Object.entries(offenders))('the boundary %s is enforced', async (rule, files) => {
  expect(await brokenRules(files)).toEqual([rule]);
});

test('a program that keeps every boundary passes', async () => {
  const files = {
    'src/lib/money.ts': "import 'node:crypto';\n",
    'src/scope/scope.ts': "import '../lib/money.ts';\n",
    'src/policy/policy.ts': "import '../scope/scope.ts';\nimport 'zod';\n",
    'src/decision/pipeline.ts': "import '../policy/policy.ts';\n",
    'src/stores/redis/limiter.ts': "import 'ioredis';\nimport '../../decision/pipeline.ts';\n",
    'src/server/service.ts': "import '@grpc/grpc-js';\nimport '../gen/call.ts';\n",
    'src/gen/call.ts': empty,
    'src/main.ts': "import './server/service.ts';\nimport './stores/redis/limiter.ts';\n",
    'test/model.test.ts': "import '../src/main.ts';\nimport 'fast-check';\nimport 'pg';\n",
  };
  expect(await brokenRules(files)).toEqual([]);
});
