import { afterEach, expect, test } from 'vitest';
import { TollgateClient } from '../../clients/typescript/index.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { decision, reservation } from '../support/decisions.ts';
import { startScriptedServer, type Scripts } from '../support/scripted-server.ts';

const call = { tenant: 'acme', agent: 'copilot' };
const started: AsyncDisposable[] = [];
const clients: TollgateClient[] = [];

async function connect(scripts: Scripts, knownObligations: readonly string[] = []) {
  const server = await startScriptedServer(scripts);
  const client = TollgateClient.connect(server.address, { knownObligations });
  started.push(server);
  clients.push(client);
  return { server, client };
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of started.splice(0)) await server[Symbol.asyncDispose]();
});

test.each([
  ['unspecified', { decision: decision({ effect: Effect.UNSPECIFIED }) }],
  ['one that this client does not know', { decision: decision({ effect: 7 as Effect }) }],
  ['absent, with the whole decision', {}],
])('An effect that is %s denies', async (_name, answer) => {
  const { client } = await connect({ authorize: () => answer, reserve: () => answer });
  expect(await client.authorize({ call })).toMatchObject({ allowed: false, effect: 'deny' });
  expect(await client.reserve({ call })).toMatchObject({ allowed: false, effect: 'deny' });
});

test('A denial is an answer with its reasons, not an error', async () => {
  const { client } = await connect({
    authorize: () => ({
      decision: decision({ effect: Effect.DENY, reasons: [{ code: 'policy.no_match' }] }),
    }),
  });
  const verdict = await client.authorize({ call });
  expect(verdict.allowed).toBe(false);
  expect(verdict.decision.reasons.map(({ code }) => code)).toEqual(['policy.no_match']);
});

test('An allow with an obligation that the caller does not know is not allowed, and names it', async () => {
  const answer = { decision: decision({ obligations: [{ name: 'mask_fields', source: 'p1' }] }) };
  const stranger = await connect({ authorize: () => answer });
  const verdict = await stranger.client.authorize({ call });
  expect(verdict).toMatchObject({ allowed: false, effect: 'allow' });
  expect(verdict.unknownObligations.map(({ name }) => name)).toEqual(['mask_fields']);

  const knowing = await connect({ authorize: () => answer }, ['mask_fields']);
  expect(await knowing.client.authorize({ call })).toMatchObject({
    allowed: true,
    unknownObligations: [],
  });
});

test('Times, money and tokens arrive exactly', async () => {
  const expiresAt = new Date('2026-11-21T10:00:00.123Z');
  const { client } = await connect({
    reserve: () => ({
      decision: decision({}),
      reservation: reservation({ heldMicroUsd: 9_007_199_254_740_993n, expiresAt }),
    }),
  });
  const { reservation: held } = await client.reserve({ call });
  expect(held?.heldMicroUsd).toBe(9_007_199_254_740_993n);
  expect(held?.expiresAt).toEqual(expiresAt);
});
