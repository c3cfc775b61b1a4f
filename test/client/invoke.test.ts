import { status } from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import {
  InvocationUnsettled,
  NotDispatched,
  TollgateClient,
} from '../../clients/typescript/index.ts';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { decision, reservation } from '../support/decisions.ts';
import { Refuse, startScriptedServer, type Scripts } from '../support/scripted-server.ts';

const call = { tenant: 'acme', agent: 'copilot' };
const held = () => ({ decision: decision({}), reservation: reservation() });
const settles: Scripts = { reserve: held, commit: () => ({}), release: () => ({}) };
const started: AsyncDisposable[] = [];
const clients: TollgateClient[] = [];

async function connect(scripts: Scripts) {
  const server = await startScriptedServer(scripts);
  const retry = { attempts: 2, baseDelayMs: 1 };
  const client = TollgateClient.connect(server.address, { retry });
  started.push(server);
  clients.push(client);
  return { server, client };
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of started.splice(0)) await server[Symbol.asyncDispose]();
});

test('R13: a call that succeeds is settled with what it used', async () => {
  const { server, client } = await connect(settles);
  const result = await client.invoke({ call }, async ({ use, verdict }) => {
    use({ inputTokens: 12n, outputTokens: 3n });
    return verdict.reservation?.reservationId;
  });
  expect(result).toMatchObject({
    kind: 'done',
    value: 'res_test',
    settlement: { kind: 'settled' },
  });
  expect(server.received.commit).toMatchObject([
    {
      tenant: 'acme',
      reservationId: 'res_test',
      outcome: Outcome.SUCCESS,
      usage: { inputTokens: 12n, outputTokens: 3n, costMicroUsd: undefined },
      errorMessage: '',
    },
  ]);
  expect(server.received.commit[0]?.duration).toBeDefined();
  expect(server.received.commit[0]?.requestId).not.toBe(server.received.reserve[0]?.requestId);
});

test.each([
  ['ERROR', Outcome.ERROR, new Error('502 from the agent')],
  ['TIMEOUT', Outcome.TIMEOUT, new DOMException('too slow', 'TimeoutError')],
  ['CANCELLED', Outcome.CANCELLED, new DOMException('user left', 'AbortError')],
])(
  'R13: a call that fails is settled as %s, and its error is thrown on',
  async (_name, outcome, thrown) => {
    const { server, client } = await connect(settles);
    const failing = client.invoke({ call }, async ({ use }) => {
      use({ inputTokens: 5n });
      throw thrown;
    });
    await expect(failing).rejects.toBe(thrown);
    expect(server.received.commit).toMatchObject([
      { outcome, errorMessage: thrown.message, usage: { inputTokens: 5n } },
    ]);
    expect(server.received.release).toEqual([]);
  },
);

test('A call that was never dispatched gives its hold back', async () => {
  const { server, client } = await connect(settles);
  const failing = client.invoke({ call }, async () => {
    throw new NotDispatched('no connection to the agent');
  });
  await expect(failing).rejects.toBeInstanceOf(NotDispatched);
  expect(server.received.release).toMatchObject([
    { reservationId: 'res_test', reason: 'no connection to the agent' },
  ]);
  expect(server.received.commit).toEqual([]);
});

test('A denied call is not made, and nothing is settled', async () => {
  const { server, client } = await connect({
    ...settles,
    reserve: () => ({ decision: decision({ effect: Effect.DENY }) }),
  });
  let made = false;
  const result = await client.invoke({ call }, async () => {
    made = true;
  });
  expect(result.kind).toBe('denied');
  expect(made).toBe(false);
  expect(server.received.commit).toEqual([]);
});

test('A call with an obligation that nobody carries out is not made, and its hold is given back', async () => {
  const obliged = decision({ obligations: [{ name: 'require_approval' }] });
  const { server, client } = await connect({
    ...settles,
    reserve: () => ({ decision: obliged, reservation: reservation() }),
  });
  const result = await client.invoke({ call }, async () => 'made');
  expect(result.kind).toBe('denied');
  expect(server.received.release).toMatchObject([
    { reservationId: 'res_test', reason: 'unknown obligation: require_approval' },
  ]);
});

test('P30: a settlement that is not answered is handed to the caller with the value, to be sent again', async () => {
  const { server, client } = await connect({
    ...settles,
    commit: () => new Refuse(status.UNAVAILABLE, 'the ledger is away'),
  });
  const result = await client.invoke({ call }, async () => 'answer');
  expect(result).toMatchObject({
    kind: 'done',
    value: 'answer',
    settlement: { kind: 'unsettled', error: { code: 'UNAVAILABLE' } },
  });
  const [sent, repeated] = server.received.commit;
  expect(repeated?.requestId).toBe(sent?.requestId);
  expect(result).toMatchObject({ settlement: { request: { requestId: sent?.requestId } } });
});

test('P30: a call that fails and cannot be settled says both', async () => {
  const { client } = await connect({
    ...settles,
    commit: () => new Refuse(status.UNAVAILABLE, 'the ledger is away'),
  });
  const cause = new Error('502 from the agent');
  const failing = client.invoke({ call }, async () => {
    throw cause;
  });
  const error: unknown = await failing.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InvocationUnsettled);
  expect(error).toMatchObject({ cause, request: { reservationId: 'res_test' } });
});

test('A reservation that is not answered makes no call', async () => {
  const { client } = await connect({
    reserve: () => new Refuse(status.UNAVAILABLE, 'away'),
  });
  let made = false;
  const asking = client.invoke({ call }, async () => {
    made = true;
  });
  await expect(asking).rejects.toMatchObject({ name: 'TollgateError', code: 'UNAVAILABLE' });
  expect(made).toBe(false);
});

test('A call that passed uncharged, because a soft budget could not be reached, settles nothing', async () => {
  const { server, client } = await connect({
    ...settles,
    reserve: () => ({ decision: decision({}) }),
  });
  const result = await client.invoke({ call }, async () => 'answer');
  expect(result).toMatchObject({ kind: 'done', settlement: { kind: 'nothing held' } });
  expect(server.received.commit).toEqual([]);
});
