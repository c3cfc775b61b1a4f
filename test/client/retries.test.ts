import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { TollgateClient, TollgateError } from '../../clients/typescript/index.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { decision } from '../support/decisions.ts';
import {
  badRequest,
  Refuse,
  retryInfo,
  SILENCE,
  startScriptedServer,
} from '../support/scripted-server.ts';

const call = { tenant: 'acme', agent: 'copilot' };
const quick = { baseDelayMs: 1, maxDelayMs: 50 };
const allow = { decision: decision({ effect: Effect.ALLOW }) };

async function failure(promise: Promise<unknown>): Promise<TollgateError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof TollgateError) return error;
  throw new Error('expected a TollgateError', { cause: error });
}

test('X3: a request that fails twice is repeated under one id, made by the client, and answered', async () => {
  await using server = await startScriptedServer({
    authorize: (_request, nth) => (nth < 3 ? new Refuse(status.UNAVAILABLE, 'away') : allow),
  });
  const client = TollgateClient.connect(server.address, { retry: quick });
  const verdict = await client.authorize({ call });
  client.close();

  expect(verdict.allowed).toBe(true);
  const ids = server.received.authorize.map(({ requestId }) => requestId);
  expect(ids).toHaveLength(3);
  expect(new Set(ids)).toEqual(new Set([verdict.requestId]));
  expect(verdict.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(server.received.authorize[0]).toEqual(server.received.authorize[2]);
});

test('X3: commit, release and extend repeat under the id that the caller gave', async () => {
  const failOnce = (_request: unknown, nth: number) =>
    nth === 1 ? new Refuse(status.UNAVAILABLE, 'away') : {};
  await using server = await startScriptedServer({
    commit: failOnce,
    release: failOnce,
    extend: failOnce,
  });
  const client = TollgateClient.connect(server.address, { retry: quick });
  const settled = { tenant: 'acme', reservationId: 'res_1' };
  await client.commit({ ...settled, requestId: 'c1' });
  await client.release({ ...settled, requestId: 'r1' });
  await client.extend({ ...settled, requestId: 'e1' });
  client.close();

  expect(server.received.commit.map(({ requestId }) => requestId)).toEqual(['c1', 'c1']);
  expect(server.received.release.map(({ requestId }) => requestId)).toEqual(['r1', 'r1']);
  expect(server.received.extend.map(({ requestId }) => requestId)).toEqual(['e1', 'e1']);
});

test('Two requests without an id get different ones', async () => {
  await using server = await startScriptedServer({ authorize: () => allow });
  const client = TollgateClient.connect(server.address);
  const [one, other] = await Promise.all([client.authorize({ call }), client.authorize({ call })]);
  client.close();
  expect(one.requestId).not.toBe(other.requestId);
});

test('A server that falls silent costs the deadline a try, then DEADLINE_EXCEEDED', async () => {
  await using server = await startScriptedServer({
    authorize: (_request, nth) => (nth === 1 ? allow : SILENCE),
  });
  const client = TollgateClient.connect(server.address, { retry: { ...quick, attempts: 2 } });
  await client.authorize({ call });
  const error = await failure(client.authorize({ call }, { timeoutMs: 100 }));
  client.close();

  expect(error.code).toBe('DEADLINE_EXCEEDED');
  expect(error.attempts).toBe(2);
  expect(server.received.authorize).toHaveLength(3);
});

test('Nobody listening is UNAVAILABLE after a bounded number of tries', async () => {
  const client = TollgateClient.connect('unix:/nonexistent/tollgate.sock', {
    retry: { ...quick, attempts: 3 },
  });
  const error = await failure(client.authorize({ requestId: 'a1', call }));
  client.close();
  expect(error).toMatchObject({ code: 'UNAVAILABLE', attempts: 3, requestId: 'a1' });
});

test('Overload is repeated after the delay that the server asks for, not earlier', async () => {
  const arrivedMs: number[] = [];
  await using server = await startScriptedServer({
    authorize: (_request, nth) => {
      arrivedMs.push(performance.now());
      return nth === 1 ? new Refuse(status.RESOURCE_EXHAUSTED, 'full', retryInfo(40)) : allow;
    },
  });
  const client = TollgateClient.connect(server.address, { retry: quick });
  await client.authorize({ call });
  client.close();
  expect(arrivedMs).toHaveLength(2);
  // Timers of Node may fire up to a millisecond early.
  expect(arrivedMs[1]! - arrivedMs[0]!).toBeGreaterThanOrEqual(39);
});

test('A delay longer than the client waits is given to the caller instead of waited for', async () => {
  await using server = await startScriptedServer({
    authorize: () => new Refuse(status.RESOURCE_EXHAUSTED, 'full', retryInfo(900)),
  });
  const client = TollgateClient.connect(server.address, { retry: quick });
  const error = await failure(client.authorize({ call }));
  client.close();
  expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryDelayMs: 900, attempts: 1 });
});

test.each([
  ['INVALID_ARGUMENT', status.INVALID_ARGUMENT],
  ['ALREADY_EXISTS', status.ALREADY_EXISTS],
  ['NOT_FOUND', status.NOT_FOUND],
  ['FAILED_PRECONDITION', status.FAILED_PRECONDITION],
  ['RESOURCE_EXHAUSTED', status.RESOURCE_EXHAUSTED],
  ['INTERNAL', status.INTERNAL],
])('%s without a delay is not repeated', async (name, code) => {
  await using server = await startScriptedServer({ authorize: () => new Refuse(code, 'no') });
  const client = TollgateClient.connect(server.address, { retry: quick });
  const error = await failure(client.authorize({ call }));
  client.close();
  expect(error).toMatchObject({ code: name, attempts: 1 });
  expect(server.received.authorize).toHaveLength(1);
});

test('An error names every wrong field', async () => {
  await using server = await startScriptedServer({
    reserve: () =>
      new Refuse(
        status.INVALID_ARGUMENT,
        'the request is malformed',
        badRequest('call.estimate.input_tokens', 'must be 0 or more'),
      ),
  });
  const client = TollgateClient.connect(server.address);
  const error = await failure(client.reserve({ call }));
  client.close();
  expect(error.fieldViolations).toEqual([
    { field: 'call.estimate.input_tokens', description: 'must be 0 or more' },
  ]);
  expect(error.message).toContain('call.estimate.input_tokens: must be 0 or more');
});

test('An abort ends the wait and the repeats', async () => {
  await using server = await startScriptedServer({ authorize: () => SILENCE });
  const client = TollgateClient.connect(server.address, { retry: quick });
  const abort = new AbortController();
  const waiting = client.authorize({ call }, { signal: abort.signal });
  abort.abort(new Error('the user left'));
  await expect(waiting).rejects.toThrow('the user left');
  client.close();
});
