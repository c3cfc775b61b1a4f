import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CommandResult, runCommand } from '../support/command.ts';
import { wellFormed } from './well-formed.ts';

const FAILING = 'test/commands/failing-suite';
const CONFIGURATION = readFileSync(`${FAILING}/rules.yaml`, 'utf8');

const HEAD = `configuration: rules.yaml
at: '2026-11-20T12:00:00Z'
defaults: { tenant: acme, agent: bot, environment: production, data_classification: [public] }
tests:
`;

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'suites-'));
});

afterEach(() => rm(directory, { recursive: true }));

/** Writes files, runs them, and leaves the name of the directory out of what was said. */
async function run(
  files: Readonly<Record<string, string>>,
  ...options: readonly string[]
): Promise<CommandResult> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const result = await runCommand(['policy', 'test', directory, ...options]);
  const without = (text: string): string => text.replaceAll(`${directory}/`, '');
  return { ...result, stdout: without(result.stdout), stderr: without(result.stderr) };
}

function withSuite(tests: string, ...options: readonly string[]): Promise<CommandResult> {
  return run({ 'rules.yaml': CONFIGURATION, 'rules.test.yaml': HEAD + tests }, ...options);
}

test('R36 R37 R38 R39 R40 R41 R42 R43 R44 R45 P20 P21 P23 P29 the suites that are shipped pass', async () => {
  const result = await runCommand(['policy', 'test', 'examples/policies', '--min-coverage', '100']);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  await expect(result.stdout).toMatchFileSnapshot('golden/policy-examples.txt');
});

describe('R49 a failing test', () => {
  test('says what was expected, what came and how it came about', async () => {
    const result = await runCommand(['policy', 'test', FAILING]);
    expect(result).toMatchObject({ exitCode: 1, stderr: '' });
    await expect(result.stdout).toMatchFileSnapshot('golden/policy-failures.txt');
  });

  test('stands in the JUnit report, escaped', async () => {
    const file = join(directory, 'out.xml');
    const result = await runCommand(['policy', 'test', FAILING, '--junit', file]);
    expect(result.exitCode).toBe(1);
    const xml = await readFile(file, 'utf8');
    expect(wellFormed(xml)).toBe(true);
    await expect(xml).toMatchFileSnapshot('golden/policy-failures.xml');
  });

  test('stands in the JSON report', async () => {
    const { stdout, exitCode } = await runCommand(['policy', 'test', FAILING, '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      tests: 3,
      failed: 2,
      coverage: {
        policiesPercent: 50,
        conditionsPercent: 50,
        configurations: [{ configuration: `${FAILING}/rules.yaml`, neverDecided: ['no-secrets'] }],
      },
      suites: [
        {
          file: `${FAILING}/rules.test.yaml`,
          combining: 'DENY_OVERRIDES',
          tests: [
            { name: 'Passes', line: 7, passed: true, effect: 'allow', mismatches: [] },
            {
              passed: false,
              reasons: ['policy.no_match'],
              mismatches: [
                { what: 'effect', expected: 'allow', got: 'deny' },
                { what: 'reasons' },
                { what: 'obligations', expected: 'redact', got: 'none' },
                { what: 'deciding', expected: 'production', got: 'none' },
              ],
            },
            { reasons: ['agent.disabled off'], deciding: [] },
          ],
        },
      ],
    });
  });

  test.each([
    ['R43 a code may stand without its policy', 'reasons: [policy.allowed]', 0],
    ['R43 a code may stand with its policy', 'reasons: [policy.allowed production]', 0],
    ['R43 a code of another policy fails', 'reasons: [policy.allowed no-secrets]', 1],
    ['R43 a list is compared whole', 'obligations: [log]', 1],
    ['R43 a list is compared in order', 'obligations: [redact, log]', 1],
    ['R43 an empty list expects nothing', 'deciding: []', 1],
  ])('%s', async (_what, expected, exitCode) => {
    const result = await withSuite(`  - { name: t, expect: { effect: allow, ${expected} } }`);
    expect(result.exitCode).toBe(exitCode);
  });
});

describe('The facts of a call', () => {
  const tests = (call: string, effect: string): string =>
    `  - { name: t, call: ${call}, expect: { effect: ${effect} } }`;

  test.each([
    ['R45 empty text takes a default back', "{ environment: '' }", 'deny'],
    ['R45 an empty list takes a default back', '{ data_classification: [] }', 'deny'],
    ['R37 a field of the test replaces the default', '{ environment: staging }', 'deny'],
    ['R37 a list of the test replaces the list', '{ data_classification: [other] }', 'allow'],
  ])('%s', async (_what, call, effect) => {
    expect(await withSuite(tests(call, effect))).toMatchObject({ exitCode: 0 });
  });

  test('R36 what the call costs is what the sidecar would price it at', async () => {
    const rules = CONFIGURATION.replace(
      'type: environment, environments: [production]',
      "type: estimate, above: { cost_usd: '0.10' }",
    );
    const suite = `${HEAD}  - { name: base, expect: { effect: deny } }
  - { name: given, call: { estimate: { cost_usd: 0.100001 } }, expect: { effect: allow } }
  - { name: tokens, call: { estimate: { model: gpt-4, input_tokens: 9000 } }, expect: { effect: allow } }
`;
    const result = await run({ 'rules.yaml': rules, 'rules.test.yaml': suite });
    expect(result).toMatchObject({ exitCode: 0 });
  });
});

describe('Coverage', () => {
  const ONE = '  - { name: t, expect: { effect: allow } }';

  test('R49 below what is asked for fails, and says so', async () => {
    expect(await withSuite(ONE, '--min-coverage', '1')).toMatchObject({
      exitCode: 1,
      stderr: 'Coverage is below 1 %.\n',
    });
    expect(await withSuite(ONE, '--min-coverage', '0')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('R49 lists what never decided, was never true and never false', async () => {
    const { stdout } = await withSuite(ONE);
    expect(stdout).toContain(`  rules.yaml
    never decided  no-secrets
    never true     no-secrets: data_classification contains secret
    never false    production: environment is production
`);
    expect(stdout).toContain('50 % of policies decided, 0 % of conditions were true and false.');
  });

  test('R49 a configuration without a suite counts, other YAML does not', async () => {
    const { stdout } = await run({
      'rules.yaml': CONFIGURATION,
      'rules.test.yaml': HEAD + ONE,
      'more.yaml': CONFIGURATION,
      'values.yaml': 'replicas: 3\n',
      'notes.txt': 'version: 1\n',
    });
    expect(stdout).toContain('25 % of policies decided');
    expect(stdout).toMatch(/more\.yaml +0 of 2 +0 % +0 of 2 +0 % +0 of 2 +0 %/);
    expect(stdout).not.toContain('values.yaml');
  });

  test('R36 a policy that is off does not count; one in shadow mode counts when it would decide', async () => {
    const rules = `version: 1
tenants: [{ id: acme }]
agents: [{ id: bot, provider: other }]
policies:
  - { id: on, effect: allow }
  - { id: off, effect: deny, enabled: false }
  - { id: shadow, effect: deny, shadow: true }
`;
    const suite = `${HEAD}  - name: t
    expect: { effect: allow, reasons: [policy.allowed on, policy.shadow shadow] }`;
    const result = await run({ 'rules.yaml': rules, 'rules.test.yaml': suite });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain('100 % of policies decided, 100 % of conditions');
  });
});

describe('What cannot be run is told with its place and exit code 2', () => {
  const T = '  - { name: t, expect: { effect: allow } }\n';

  test.each([
    [
      'an unknown field, with what was meant',
      `${HEAD}  - { name: t, call: { enviroment: x }, expect: { effect: allow } }`,
      'rules.test.yaml:5:24: tests[0].call.enviroment: unknown key "enviroment"; did you mean "environment"?',
    ],
    [
      'no moment',
      `configuration: rules.yaml\ndefaults: { tenant: acme, agent: bot }\ntests:\n${T}`,
      'rules.test.yaml:4:5: tests[0].at: is required, here or for the whole suite: expected a moment with its offset, such as "2026-03-09T14:00:00Z"',
    ],
    [
      'a moment without its offset',
      HEAD.replace('12:00:00Z', '12:00:00') + T,
      'rules.test.yaml:2:5: at: expected a moment with its offset, such as "2027-01-31T18:00:00Z", found "2026-11-20T12:00:00"',
    ],
    [
      'an effect that is none',
      `${HEAD}  - { name: t, expect: { effect: alow } }`,
      'rules.test.yaml:5:34: tests[0].expect.effect: expected allow or deny, found "alow"; did you mean "allow"?',
    ],
    [
      'a reason code that is none',
      `${HEAD}  - { name: t, expect: { effect: deny, reasons: [policy.denid] } }`,
      'rules.test.yaml:5:50: tests[0].expect.reasons[0]: expected a reason code such as "policy.denied", and the policy after it if that matters, found "policy.denid"; did you mean "policy.denied"?',
    ],
    [
      'a policy that is not there',
      `${HEAD}  - { name: t, expect: { effect: deny, reasons: [policy.denied x], deciding: [y] } }`,
      'rules.test.yaml:5:50: tests[0].expect.reasons[0]: rules.yaml has no policy "x"\nrules.test.yaml:5:79: tests[0].expect.deciding[0]: rules.yaml has no policy "y"',
    ],
    [
      'a tenant that is not there',
      `${HEAD}  - { name: t, call: { tenant: other }, expect: { effect: deny } }`,
      'rules.test.yaml:5:32: tests[0].call.tenant: rules.yaml has no tenant "other"',
    ],
    [
      'a call that says no tenant',
      `configuration: rules.yaml\nat: '2026-11-20T12:00:00Z'\ndefaults: { agent: bot }\ntests:\n${T}`,
      'rules.test.yaml:5:5: tests[0].call.tenant: is required',
    ],
    [
      'a country that the server would refuse',
      `${HEAD}  - { name: t, call: { origin: { country: Germany } }, expect: { effect: deny } }`,
      'rules.test.yaml:5:43: tests[0].call.origin.country: must be two letters (ISO 3166-1)',
    ],
    [
      'an address in the defaults, once for all tests',
      `${HEAD.replace('agent: bot', 'agent: bot, origin: { source_ip: 10.1.2 }')}${T}${T.replace('t,', 'u,')}`,
      'rules.test.yaml:3:60: defaults.origin.source_ip: must be an IPv4 or IPv6 address',
    ],
    [
      'a name that is used twice',
      HEAD + T + T,
      'rules.test.yaml:6:13: tests[1].name: the name "t" is used twice; first on line 5',
    ],
    [
      'a name of two lines',
      `${HEAD}  - { name: "a\\nb", expect: { effect: allow } }`,
      'rules.test.yaml:5:13: tests[0].name: expected one line of at most 256 characters, found "a\\nb"',
    ],
    ['no test', `${HEAD.trimEnd()} []`, 'rules.test.yaml:4:8: tests: expected at least 1 of them'],
    [
      'YAML that is none',
      'configuration: [',
      'rules.test.yaml:1:17: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [
      'a configuration that is not there',
      HEAD.replace('rules.yaml', 'rulez.yaml') + T,
      'rules.test.yaml:1:16: configuration: rulez.yaml: there is no such file',
    ],
  ])('%s', async (_what, suite, said) => {
    const result = await run({ 'rules.yaml': CONFIGURATION, 'rules.test.yaml': suite });
    expect(result).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `tollgate: Nothing was tested:\n${said}\n`,
    });
  });

  test('a configuration that is wrong, and everything else that is', async () => {
    const { exitCode, stderr } = await run({
      'rules.yaml': CONFIGURATION.replace('effect: deny', 'effect: never'),
      'rules.test.yaml': HEAD + T,
      'other.test.yaml': 'tests: 7',
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('rules.yaml:6:13: policies[0].effect: expected allow or deny');
    expect(stderr).toContain('other.test.yaml:1:8: tests: expected a list, found 7');
  });

  test('more tests than one run has', async () => {
    const many = Array.from({ length: 5_001 }, (_none, index) => T.replace('t,', `t${index},`));
    const suite = HEAD + many.join('');
    const { exitCode, stderr } = await run({
      'rules.yaml': CONFIGURATION,
      'a.test.yaml': suite,
      'b.test.yaml': suite,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toBe('tollgate: There are 10002 tests; one run has at most 10000.\n');
  });

  test('a directory without suites, none at all, and a report that cannot be written', async () => {
    expect((await run({})).stderr).toContain('has no suite: a file whose name ends in .test.yaml.');
    const missing = await runCommand(['policy', 'test', join(directory, 'missing')]);
    expect(missing).toMatchObject({ exitCode: 2, stdout: '' });
    expect(missing.stderr).toContain('does not exist.');
    const file = await runCommand(['policy', 'test', 'examples/quickstart.yaml']);
    expect(file.stderr).toContain('examples/quickstart.yaml is no directory.');
    const unwritten = await withSuite(T, '--junit', directory);
    expect(unwritten).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unwritten.stderr).toContain('--junit:');
  });

  test.each(['-1', '101', '8.5', 'all'])('--min-coverage %s', async (percent) => {
    const result = await withSuite(T, '--min-coverage', percent);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
