/**
 * Imports go one way:
 *
 *   lib ← scope ← policy, limits, budgets, pricing, person ← decision
 *       ← configuration, stores, server, control, telemetry, replay ← main, commands
 *
 * and each package that does I/O is known to one folder. test/tidy/boundaries.test.ts breaks every rule
 * here once, by its name, so a rule that stopped working is noticed.
 */

const domain = '^src/(policy|limits|budgets|pricing|person)/';
const core = '^src/(lib|scope|policy|limits|budgets|pricing|person|decision)/';
const outer = '^src/(configuration|stores|server|control|telemetry)/';

/** A test may set up whatever it needs; the rules are about the program. */
const tests = '[.]test[.]ts$';

const inPackage = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

/** Packages that only compute. Anything else is I/O until it is listed here. */
const pure = inPackage('zod', 'yaml', 'fastest-levenshtein', '@marcbachmann/cel-js', 'ipaddr.js');

/** Modules of Node that only compute. */
const pureNode = '^(node:)?(assert|assert/strict|buffer|crypto|util|url|events)$';

const ownedBy = (name, packages, owners) => ({
  name,
  severity: 'error',
  from: { path: '^(src|clients|scripts|bin)/', pathNot: [tests, owners] },
  to: { path: packages },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one concept or three.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'lib-knows-nobody',
      severity: 'error',
      from: { path: '^src/lib/', pathNot: tests },
      to: { path: '^(src|clients)/', pathNot: '^src/lib/' },
    },
    {
      name: 'scope-knows-lib-only',
      comment: 'To whom a rule applies is shared by limits and budgets, so it knows neither.',
      severity: 'error',
      from: { path: '^src/scope/', pathNot: tests },
      to: { path: '^(src|clients)/', pathNot: '^src/(lib|scope)/' },
    },
    {
      name: 'domain-knows-lib-only',
      comment: 'Policy, limits, budgets, pricing and persons are pure, and do not know each other.',
      severity: 'error',
      from: { path: domain, pathNot: tests },
      to: { path: '^(src|clients)/', pathNot: '^src/(lib|scope|$1)/' },
    },
    {
      name: 'decision-knows-ports-only',
      comment: 'The pipeline sees stores and edges through decision/ports.ts.',
      severity: 'error',
      from: { path: '^src/decision/', pathNot: tests },
      to: { path: '^(src|clients)/', pathNot: core },
    },
    {
      name: 'server-and-stores-never-meet',
      comment: 'What both need is a port or a value of decision/. The same for their siblings.',
      severity: 'error',
      from: { path: outer, pathNot: tests },
      to: { path: outer, pathNot: '^src/$1/' },
    },
    {
      name: 'replay-knows-the-domain-only',
      comment: 'A replay asks nobody: it has the domain, and its own stores in memory.',
      severity: 'error',
      from: { path: '^src/replay/', pathNot: tests },
      to: {
        path: '^(src|clients)/',
        pathNot: [core, '^src/replay/', '^src/stores/memory/'],
      },
    },
    {
      name: 'replay-is-for-its-command',
      comment: 'Nothing that serves may lean on what forgets everything when it ends.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [tests, '^src/(replay|commands/replay)(/|[.]ts$)', '^src/stores/memory/'],
      },
      to: { path: ['^src/replay/', '^src/stores/memory/memory-ledger[.]ts$'] },
    },
    {
      name: 'nobody-knows-main',
      comment: 'main.ts wires the parts; only a command may ask it to.',
      severity: 'error',
      from: { path: '^src/', pathNot: [tests, '^src/commands/', '^src/main[.]ts$'] },
      to: { path: '^src/(main[.]ts$|commands/)' },
    },
    {
      name: 'program-knows-no-tests',
      severity: 'error',
      from: { path: '^(src|clients|bin)/', pathNot: tests },
      to: { path: ['^(test|bench|scripts)/', tests] },
    },
    {
      name: 'core-does-no-io',
      comment: 'Time, randomness and I/O come through a port.',
      severity: 'error',
      from: { path: core, pathNot: tests },
      to: { dependencyTypes: ['core'], pathNot: pureNode },
    },
    {
      name: 'core-imports-pure-packages-only',
      severity: 'error',
      from: { path: core, pathNot: tests },
      to: { path: '(^|/)node_modules/', pathNot: [pure, '/node_modules/@types/'] },
    },
    ownedBy(
      'grpc-in-server-only',
      inPackage('@grpc/[^/]+', 'grpc-health-check'),
      '^(src/(server|gen|commands)|clients)/',
    ),
    ownedBy('ioredis-in-redis-only', inPackage('ioredis'), '^src/stores/redis/'),
    ownedBy('pg-in-postgres-only', inPackage('pg'), '^src/stores/postgres/'),
    ownedBy(
      'pglite-in-embedded-only',
      inPackage('@electric-sql/[^/]+'),
      '^(src/stores/embedded/|scripts/prepare-embedded)',
    ),
    ownedBy('parquet-in-export-only', inPackage('hyparquet-writer'), '^src/commands/export/'),
    {
      name: 'gen-at-the-edges-only',
      comment: 'Messages of the wire are translated at the edge and known nowhere else.',
      severity: 'error',
      from: { path: '^src/', pathNot: [tests, '^src/(gen|server|commands)/'] },
      to: { path: '^src/gen/' },
    },
    {
      name: 'no-development-packages',
      comment: 'A package that the program needs is in dependencies.',
      severity: 'error',
      from: { path: '^(src|clients|bin)/', pathNot: tests },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: '/node_modules/@types/',
      },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Imports of types alone count: a type is knowledge too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
    exclude: { path: '^(dist|coverage|[.]cache)/' },
  },
};
