import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { COMPLEXITY_NUMBERS } from '../../src/commands/check/call-options.ts';
import { Complexity } from '../../src/gen/tollgate/v1/call.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { runCommand } from '../support/command.ts';
import { decision } from '../support/decisions.ts';
import {
  badRequest,
  Refuse,
  type ScriptedServer,
  type Scripts,
  startScriptedServer,
} from '../support/scripted-server.ts';
import { allow, deny, requestJson } from './verdicts.ts';

const THE_CALL = [
  '--tenant',
  'acme',
  '--agent',
  'copilot',
  '--user',
  'alice',
  '--request-id',
  'r-1',
];
const cleanups: (() => PromiseLike<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(scripts: Scripts): Promise<ScriptedServer> {
  const server = await startScriptedServer(scripts);
  cleanups.push(() => server[Symbol.asyncDispose]());
  return server;
}

const check = (server: ScriptedServer, ...args: string[]) =>
  runCommand(['check', '--address', server.address, ...args]);

describe('X7: what a person reads', () => {
  test('An allow shows what is left, the price, the hold and how it came about', async () => {
    const server = await start({ reserve: () => allow });
    const result = await check(server, ...THE_CALL, '--team', 'hr', '--reserve', '--explain');
    await expect(result.stdout).toMatchFileSnapshot('golden/allow.txt');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(server.received.reserve[0]).toMatchObject({ explain: true });
  });

  test('A denial says which rule, scope, window and account, what is left, and when to retry', async () => {
    const server = await start({ authorize: () => deny });
    const result = await check(server, ...THE_CALL);
    await expect(result.stdout).toMatchFileSnapshot('golden/deny.txt');
    expect(result).toMatchObject({ exitCode: 1, stderr: '' });
  });
});

describe('What a program reads', () => {
  test('--json prints one line of proto JSON, durations and amounts in its forms', async () => {
    const server = await start({ authorize: () => deny });
    const { stdout, exitCode } = await check(server, ...THE_CALL, '--json');
    expect(exitCode).toBe(1);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(JSON.parse(stdout)).toMatchObject({
      decision: {
        effect: 'EFFECT_DENY',
        reasons: [
          { code: 'limit.exceeded', window: '60s', retryAfter: '11.2s', remaining: '0' },
          { code: 'budget.exceeded', remaining: '-12500' },
        ],
      },
    });
  });

  test('An effect that is not ALLOW exits with 1', async () => {
    const unspecified = { decision: decision({ effect: Effect.UNSPECIFIED }) };
    const server = await start({ authorize: () => unspecified });
    expect(await check(server, ...THE_CALL)).toMatchObject({ exitCode: 1 });
  });
});

describe('What is sent', () => {
  test('Every option arrives in its field, money exactly', async () => {
    const server = await start({ reserve: () => allow });
    const { exitCode } = await check(
      server,
      ...THE_CALL,
      ...['--reserve', '--accept-partial', '--hold-for', '90s', '--min-revision', '3'],
      ...['--authorization-token', 'tok', '--explain'],
      ...['--agent-version', '2', '--team', 'hr', '--role', 'admin', '--role', 'dev'],
      ...['--environment', 'production', '--country', 'de', '--source-ip', '10.0.0.1'],
      ...['--classification', 'pii', '--attribute', 'risk=3', '--attribute', 'note=a b'],
      ...['--system', 'teams', '--external-user-id', 'x', '--email', 'a@b.c', '--name', 'A B'],
      ...[
        '--consent',
        'privacy 3',
        '--session',
        's',
        '--parent-trace-id',
        '0af7651916cd43dd8448eb211c80319c',
      ],
      ...['--estimate-usd', '0.30', '--input-tokens', '9007199254740993'],
      ...['--output-tokens', '7', '--complexity', 'complex', '--model', 'gpt-4'],
    );
    expect(exitCode).toBe(0);
    expect(server.received.reserve).toEqual([
      {
        requestId: 'r-1',
        call: {
          tenant: 'acme',
          agent: 'copilot',
          agentVersion: '2',
          principal: {
            user: 'alice',
            team: 'hr',
            roles: ['admin', 'dev'],
            externalUserId: 'x',
            email: 'a@b.c',
            name: 'A B',
            session: 's',
            system: 'teams',
            consent: 'privacy 3',
          },
          environment: 'production',
          origin: { country: 'de', sourceIp: '10.0.0.1' },
          dataClassification: ['pii'],
          attributes: { risk: 3, note: 'a b' },
          parentTraceId: '0af7651916cd43dd8448eb211c80319c',
          estimate: {
            costMicroUsd: 300_000n,
            inputTokens: 9_007_199_254_740_993n,
            outputTokens: 7n,
            complexity: Complexity.COMPLEX,
            model: 'gpt-4',
          },
        },
        holdFor: { seconds: 90n, nanos: 0 },
        authorizationToken: 'tok',
        acceptPartial: true,
        explain: true,
        minRevision: 3n,
      },
    ]);
  });

  test('A request file in proto JSON arrives as it is written, from a path and from standard input', async () => {
    const server = await start({ reserve: () => allow });
    const directory = await mkdtemp(join(tmpdir(), 'tollgate-check-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const path = join(directory, 'request.json');
    await writeFile(path, JSON.stringify(requestJson));
    await check(server, '--reserve', '--file', path);
    await runCommand(
      ['check', '--address', server.address, '--reserve', '--file', '-'],
      JSON.stringify(requestJson),
    );
    const [fromPath, fromInput] = server.received.reserve;
    expect(fromPath).toMatchObject({
      requestId: 'r-1',
      call: {
        principal: { user: 'alice', team: 'hr', roles: ['admin'] },
        attributes: { anything: { goes: [1, 'two'] } },
        estimate: {
          costMicroUsd: 300_000n,
          inputTokens: 1_200n,
          complexity: Complexity.COMPLEX,
        },
      },
      holdFor: { seconds: 90n, nanos: 500_000_000 },
    });
    expect(fromInput).toEqual(fromPath);
  });

  test('--release gives the hold of a check back', async () => {
    const server = await start({ reserve: () => allow, release: () => ({}) });
    const { stdout } = await check(server, ...THE_CALL, '--reserve', '--release');
    expect(server.received.release).toMatchObject([{ tenant: 'acme', reservationId: 'res_allow' }]);
    expect(stdout).toContain('The hold was given back.');
  });

  test('The names of complexity are those of the contract', () => {
    expect(COMPLEXITY_NUMBERS).toEqual({
      simple: Complexity.SIMPLE,
      standard: Complexity.STANDARD,
      complex: Complexity.COMPLEX,
    });
  });
});

describe('What is refused, with exit code 2 and nothing on standard output', () => {
  const refused = [
    ['no call', [], '--tenant and --agent'],
    ['a negative estimate', [...THE_CALL, '--estimate-usd', '-1'], '--estimate-usd'],
    ['NaN', [...THE_CALL, '--estimate-usd', 'NaN'], 'for example 0.30'],
    ['more than six places', [...THE_CALL, '--estimate-usd', '0.0000001'], 'six decimal places'],
    ['tokens with a fraction', [...THE_CALL, '--input-tokens', '1.5'], 'whole number'],
    ['more tokens than 64 bits', [...THE_CALL, '--input-tokens', '9223372036854775808'], 'at most'],
    ['an unknown complexity', [...THE_CALL, '--complexity', 'hard'], 'simple, standard or complex'],
    ['an attribute without a value', [...THE_CALL, '--attribute', 'risk'], 'name=value'],
    ['--release without --reserve', [...THE_CALL, '--release'], 'need --reserve'],
    ['a file that is not there', ['--file', '/nonexistent.json'], 'cannot be read'],
    ['an unknown option', [...THE_CALL, '--tennant', 'x'], 'Did you mean --tenant?'],
  ] as const;

  test.each(refused)('P15: %s', async (_name, args, message) => {
    const server = await start({});
    const result = await check(server, ...args);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(server.received.authorize).toEqual([]);
  });

  test.each([
    ['a misspelt field', { call: { tennant: 'acme' } }, 'call.tennant'],
    ['an unknown enum value', { call: { estimate: { complexity: 'HARD' } } }, 'HARD'],
    ['a duration without its unit', { hold_for: '90' }, '"90" is not a duration'],
    ['a list', [], 'must be a JSON object'],
  ])('A request file with %s', async (_name, json, message) => {
    const server = await start({});
    const result = await runCommand(
      ['check', '--address', server.address, '--reserve', '--file', '-'],
      JSON.stringify(json),
    );
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain(message);
  });

  test('A request that the sidecar finds malformed: each field is named', async () => {
    const refuse = new Refuse(
      status.INVALID_ARGUMENT,
      'the request is malformed',
      badRequest('call.agent', 'must be 1 to 128 characters'),
    );
    const server = await start({ authorize: () => refuse });
    const result = await check(server, ...THE_CALL);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('call.agent: must be 1 to 128 characters');
  });

  test('No sidecar there: it says how to start one', async () => {
    const result = await runCommand([
      'check',
      ...['--address', 'unix:/nonexistent/tollgate.sock'],
      ...THE_CALL,
    ]);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('tollgate serve');
  });
});
