import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { status } from '@grpc/grpc-js';
import {
  CommitRequest,
  ExtendRequest,
  ReleaseRequest,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import { ListDecisionsRequest } from '../../src/gen/tollgate/v1/query_service.ts';
import { ErasePersonRequest } from '../../src/gen/tollgate/v1/record_service.ts';
import {
  ask,
  askRaw,
  authorizeRequest,
  CALL,
  scripted,
  startEdge,
  type RunningEdge,
} from '../server/support.ts';
import { AuthorizeRequest } from '../../src/gen/tollgate/v1/decision_service.ts';
import { randomFrom } from '../support/random-from.ts';

/** Bounded so that the suite stays quick; the seed makes a failure repeatable. */
const MESSAGES = 2_000;
const BATCH = 50;
const SEED = 20_261_121;

const random = randomFrom(SEED);
const below = (most: number): number => Math.floor(random() * most);
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));

let edge: RunningEdge;
beforeAll(async () => {
  edge = await startEdge(scripted().point);
});
afterAll(() => edge.stop());

const D = '/tollgate.v1.DecisionService';
const METHODS = [
  `${D}/Authorize`,
  `${D}/Reserve`,
  `${D}/Commit`,
  `${D}/Release`,
  `${D}/Extend`,
  '/tollgate.v1.QueryService/GetRateStatus',
  '/tollgate.v1.QueryService/ListDecisions',
  '/tollgate.v1.QueryService/GetBudgetStatus',
  '/tollgate.v1.RecordService/ErasePerson',
  '/tollgate.v1.RecordService/GetPersonRecords',
  '/grpc.health.v1.Health/Check',
];

const full = authorizeRequest({
  principal: { user: 'alice', roles: ['admin', 'staff'], email: 'alice@example.com' },
  origin: { country: 'DE', sourceIp: '10.0.0.1' },
  dataClassification: ['pii'],
  attributes: { a: 1, b: { c: [1, 'x', null, true, { d: {} }] } },
  estimate: { costMicroUsd: 5n, inputTokens: 6n, outputTokens: 7n, complexity: 1, model: 'gpt-4' },
});
const ids = { requestId: 'r', tenant: 'acme', reservationId: 'res_1' };
const VALID: readonly [string, Uint8Array][] = [
  [`${D}/Authorize`, AuthorizeRequest.encode(full).finish()],
  [
    `${D}/Reserve`,
    ReserveRequest.encode(
      ReserveRequest.fromPartial({ requestId: 'r', call: CALL, holdFor: { seconds: 60n } }),
    ).finish(),
  ],
  [
    `${D}/Commit`,
    CommitRequest.encode(
      CommitRequest.fromPartial({ ...ids, outcome: 2, usage: { costMicroUsd: 1n } }),
    ).finish(),
  ],
  [`${D}/Release`, ReleaseRequest.encode(ReleaseRequest.fromPartial(ids)).finish()],
  [`${D}/Extend`, ExtendRequest.encode(ExtendRequest.fromPartial(ids)).finish()],
  [
    '/tollgate.v1.QueryService/ListDecisions',
    ListDecisionsRequest.encode(
      ListDecisionsRequest.fromPartial({ tenant: 'acme', from: new Date(0) }),
    ).finish(),
  ],
  [
    '/tollgate.v1.RecordService/ErasePerson',
    ErasePersonRequest.encode(
      ErasePersonRequest.fromPartial({
        ...{ requestId: 'r', tenant: 'acme', email: 'alice@example.com', actor: 'op-7' },
      }),
    ).finish(),
  ],
];

/** Flips, cuts, repeats and inserts bytes. */
function mutated(valid: Uint8Array): Buffer {
  let body = Buffer.from(valid);
  for (let times = 1 + below(4); times > 0; times -= 1) {
    const at = below(body.length + 1);
    switch (below(4)) {
      case 0:
        if (at < body.length) body[at] = below(256);
        break;
      case 1:
        body = body.subarray(0, at);
        break;
      case 2:
        body = Buffer.concat([body.subarray(0, at), bytes(1 + below(8)), body.subarray(at)]);
        break;
      default:
        body = Buffer.concat([body, body.subarray(at)]);
    }
  }
  return body;
}

/** What a caller may be told about a strange request: never that the edge failed. */
const EXPECTED: readonly number[] = [status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND];

async function codeOf(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => status.OK,
    (error: unknown) => (error as { code: number }).code,
  );
}

/** Sends all, a few at a time, and counts the codes that came back. */
async function sendAll(requests: readonly [string, Buffer][]): Promise<Map<number, number>> {
  const codes = new Map<number, number>();
  for (let from = 0; from < requests.length; from += BATCH) {
    const batch = requests.slice(from, from + BATCH);
    const answers = await Promise.all(
      batch.map(([path, body]) => codeOf(askRaw(edge, body, path))),
    );
    for (const code of answers) codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return codes;
}

const stillAnswers = (): Promise<unknown> =>
  ask(edge.client, edge.client.authorize, authorizeRequest(), { deadline: Date.now() + 5_000 });

describe('strange input never breaks the edge', () => {
  it('random bytes as requests are answered as wrong requests, and it still answers', async () => {
    const requests = Array.from({ length: MESSAGES }, (): [string, Buffer] => [
      METHODS[below(METHODS.length)] ?? '',
      bytes(below(200)),
    ]);
    // Health is not ours to decode: its library calls an undecodable request its own failure.
    const ours = requests.filter(([path]) => !path.startsWith('/grpc.'));
    await sendAll(requests.filter(([path]) => path.startsWith('/grpc.')));
    const codes = await sendAll(ours);
    expect([...codes.keys()].filter((code) => !EXPECTED.includes(code))).toEqual([]);
    expect(codes.get(status.INVALID_ARGUMENT)).toBeGreaterThan(ours.length / 2);
    await expect(stillAnswers()).resolves.toBeDefined();
    expect(edge.lines).toEqual([]);
  });

  it('mutated valid requests are answered, right or wrong, and it still answers', async () => {
    const requests = Array.from({ length: MESSAGES }, (): [string, Buffer] => {
      const [path, valid] = VALID[below(VALID.length)] ?? ['', new Uint8Array()];
      return [path, mutated(valid)];
    });
    const codes = await sendAll(requests);
    expect([...codes.keys()].filter((code) => !EXPECTED.includes(code))).toEqual([]);
    expect(codes.get(status.OK)).toBeGreaterThan(0);
    expect(codes.get(status.INVALID_ARGUMENT)).toBeGreaterThan(0);
    await expect(stillAnswers()).resolves.toBeDefined();
    expect(edge.lines).toEqual([]);
  });

  it('odd headers, paths, frames and compression never end the process', async () => {
    const good = Buffer.from(AuthorizeRequest.encode(authorizeRequest()).finish());
    const framed = (flag: number, length: number): Buffer => {
      const head = Buffer.alloc(5);
      head.writeUInt8(flag, 0);
      head.writeUInt32BE(length, 1);
      return Buffer.concat([head, good]);
    };
    const bodies = [
      framed(0, good.length),
      framed(1, good.length),
      framed(0, good.length + 1),
      framed(255, 2 ** 32 - 1),
      Buffer.concat([framed(0, good.length), framed(0, good.length)]),
      Buffer.alloc(0),
    ];
    for (const headers of ODD_HEADERS) {
      for (const path of ODD_PATHS) {
        await Promise.all(bodies.map((body) => oddRequest(headers, path, body)));
      }
    }
    await expect(stillAnswers()).resolves.toBeDefined();
    expect(edge.server.inProgress()).toBe(0);
    // The library reports such headers; their values may be credentials.
    expect(JSON.stringify(edge.lines)).toContain('Failed to add metadata entry traceparent');
    expect(JSON.stringify(edge.lines)).not.toContain('\u00ff');
  });

  it('garbage on the port, with and without an HTTP/2 preface, ends that connection only', async () => {
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const sent = Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0 ? bytes(1 + below(400)) : Buffer.concat([preface, bytes(1 + below(400))]),
    );
    for (let from = 0; from < sent.length; from += BATCH) {
      await Promise.all(sent.slice(from, from + BATCH).map(throwAt));
    }
    await expect(stillAnswers()).resolves.toBeDefined();
    expect(edge.server.inProgress()).toBe(0);
  });
});

/** Header fields that gRPC gives a meaning to, with values that have none. */
const ODD_HEADERS: readonly Record<string, string>[] = [
  {},
  { 'content-type': 'text/html' },
  { 'content-type': 'application/grpc', 'grpc-timeout': 'soon' },
  { 'content-type': 'application/grpc', 'grpc-timeout': '99999999H' },
  { 'content-type': 'application/grpc', 'grpc-timeout': '1n' },
  { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' },
  { 'content-type': 'application/grpc', 'grpc-encoding': 'br\u00ff' },
  { 'content-type': 'application/grpc', 'x-odd-bin': '***' },
  { 'content-type': 'application/grpc', traceparent: '00-\u00ff' },
  { 'content-type': 'application/grpc', 'grpc-status-details-bin': 'AAAA' },
];
const ODD_PATHS = [
  `${D}/Authorize`,
  `${D}/`,
  '/',
  '*',
  '/\u00ff\u0080',
  '/__proto__/x',
  `/${'x'.repeat(4_000)}`,
];

/** One request on a connection of its own; resolves when the stream is over, however. */
function oddRequest(headers: Record<string, string>, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${edge.server.address}`);
    const done = (): void => {
      session.destroy();
      resolve();
    };
    session.on('error', done);
    session.setTimeout(1_000, done);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      ...headers,
    });
    stream.on('error', done);
    stream.on('close', done);
    stream.resume();
    stream.end(body);
  });
}

/** Sends garbage and goes away. */
function throwAt(garbage: Buffer): Promise<void> {
  const [host, port] = edge.server.address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host ?? '', () => socket.end(garbage));
    socket.on('error', () => undefined);
    socket.setTimeout(1_000, () => socket.destroy());
    socket.resume();
    socket.once('close', () => resolve());
  });
}
