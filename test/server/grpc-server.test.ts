import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  status,
  type ClientDuplexStream,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { service as healthService } from 'grpc-health-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthorizeCommand } from '../../src/decision/call.ts';
import { DecisionServiceClient } from '../../src/gen/tollgate/v1/decision_service.ts';
import { ListenError } from '../../src/server/address.ts';
import type { RequestTracing } from '../../src/server/request-tracing.ts';
import {
  allowed,
  ask,
  askRaw,
  authorizeRequest,
  failureOf,
  scripted,
  startEdge,
  type RunningEdge,
} from './support.ts';

const running: RunningEdge[] = [];
const start = async (...args: Parameters<typeof startEdge>): Promise<RunningEdge> => {
  const edge = await startEdge(...args);
  running.push(edge);
  return edge;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((edge) => edge.stop()));
});

/** A decision that waits until it is told to go on. */
function held(): { answer: () => Promise<typeof allowed>; release: () => void } {
  let release = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { answer: () => opened.then(() => allowed), release };
}

/** Polls, because the other side says nothing when it is so far. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it never came true');
}

const authorize = (edge: RunningEdge, options = {}): Promise<unknown> =>
  ask(edge.client, edge.client.authorize, authorizeRequest(), options);

describe('bounds', () => {
  it('a message above the bound is refused and the connection goes on', async () => {
    const edge = await start(scripted().point, { limits: { maxMessageBytes: 4_096 } });
    const seen = await failureOf(askRaw(edge, Buffer.alloc(4_097, 1)));
    expect(seen.code).toBe(status.RESOURCE_EXHAUSTED);
    await expect(authorize(edge)).resolves.toBeDefined();
  });

  it('a method that does not exist is UNIMPLEMENTED', async () => {
    const edge = await start(scripted().point);
    const unknown = askRaw(edge, Buffer.alloc(0), '/tollgate.v1.DecisionService/Steal');
    expect((await failureOf(unknown)).code).toBe(status.UNIMPLEMENTED);
  });

  it('bytes that are no message are INVALID_ARGUMENT, not our fault', async () => {
    const edge = await start(scripted().point);
    const seen = await failureOf(askRaw(edge, Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])));
    expect(seen).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'REQUEST_UNREADABLE' });
  });

  it('requests above the bound in progress are told when to come back, then there is room again', async () => {
    const waiting = held();
    const edge = await start(scripted({ authorize: waiting.answer }).point, {
      limits: { maxInProgress: 2 },
    });
    const first = [authorize(edge), authorize(edge)];
    await until(() => edge.server.inProgress() === 2);
    const seen = await failureOf(authorize(edge));
    expect(seen).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'OVERLOADED' });
    expect(seen.retryAfterMs).toBe(100);
    waiting.release();
    await Promise.all(first);
    await expect(authorize(edge)).resolves.toBeDefined();
  });
});

describe('the deadline of the caller', () => {
  it('X3: passing it ends the call at once; the work goes on and its outcome stays', async () => {
    const waiting = held();
    let finished = 0;
    const { point, commands } = scripted({
      authorize: () =>
        waiting.answer().then((answer) => {
          finished += 1;
          return answer;
        }),
    });
    const edge = await start(point);
    const seen = await failureOf(authorize(edge, { deadline: Date.now() + 1_000 }));
    expect(seen.code).toBe(status.DEADLINE_EXCEEDED);
    expect(commands).toHaveLength(1);
    expect(edge.server.inProgress()).toBe(1);
    waiting.release();
    await until(() => edge.server.inProgress() === 0);
    expect(finished).toBe(1);
    expect(edge.lines).toEqual([]);
    await expect(authorize(edge)).resolves.toBeDefined();
  });

  it('X3: cancelling ends the call; the work goes on', async () => {
    const waiting = held();
    const edge = await start(scripted({ authorize: waiting.answer }).point);
    const call = new Promise((resolve, reject) => {
      const sent = edge.client.authorize(authorizeRequest(), (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
      until(() => edge.server.inProgress() === 1).then(() => sent.cancel(), reject);
    });
    expect((await failureOf(call)).code).toBe(status.CANCELLED);
    waiting.release();
    await until(() => edge.server.inProgress() === 0);
    expect(edge.lines).toEqual([]);
  });
});

describe('the trace of the caller', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const headers = new Metadata();
  headers.set('traceparent', `00-${traceId}-b7ad6b7169203331-01`);
  headers.set('tracestate', 'vendor=1');

  it('D2: its trace id reaches the decision', async () => {
    const { point, commands } = scripted();
    const edge = await start(point);
    await authorize(edge, { metadata: headers });
    expect((commands.at(-1) as AuthorizeCommand).traceId).toBe(traceId);
  });

  it.each([
    'nonsense',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${traceId.toUpperCase()}-b7ad6b7169203331-01`,
  ])('D2: a malformed traceparent (%s) is as none', async (traceparent) => {
    const { point, commands } = scripted();
    const edge = await start(point);
    const metadata = new Metadata();
    metadata.set('traceparent', traceparent);
    await authorize(edge, { metadata });
    expect((commands.at(-1) as AuthorizeCommand).traceId).toBe('');
  });

  it('D2: the tracing port is given method and headers, and its trace id is used', async () => {
    const seen: unknown[] = [];
    const tracing: RequestTracing = {
      run: (method, sent, handler) => {
        seen.push({ method, ...sent });
        return handler('f'.repeat(32));
      },
    };
    const { point, commands } = scripted();
    const edge = await start(point, { tracing });
    await authorize(edge, { metadata: headers });
    expect(seen).toEqual([
      {
        method: '/tollgate.v1.DecisionService/Authorize',
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        tracestate: 'vendor=1',
      },
    ]);
    expect((commands.at(-1) as AuthorizeCommand).traceId).toBe('f'.repeat(32));
  });
});

const HealthClient = makeGenericClientConstructor(healthService, 'grpc.health.v1.Health');

async function health(edge: RunningEdge, service: string): Promise<unknown> {
  const client = new HealthClient(edge.server.address, credentials.createInsecure());
  try {
    return await ask(client, client.check as never, { service } as never);
  } finally {
    client.close();
  }
}

describe('health', () => {
  const services = [
    ...['', 'tollgate.v1.DecisionService', 'tollgate.v1.QueryService'],
    'tollgate.v1.RecordService',
  ];

  it.each(services)('R74: "%s" says SERVING or NOT_SERVING as it is told', async (service) => {
    const edge = await start(scripted().point, { serving: false });
    expect(await health(edge, service)).toEqual({ status: 'NOT_SERVING' });
    edge.server.setServing(true);
    expect(await health(edge, service)).toEqual({ status: 'SERVING' });
  });

  it('R74: an unknown service is NOT_FOUND', async () => {
    const edge = await start(scripted().point);
    expect((await failureOf(health(edge, 'nobody'))).code).toBe(status.NOT_FOUND);
  });
});

describe('drain', () => {
  it('waits for the requests in progress, and accepts nobody new', async () => {
    const waiting = held();
    const edge = await start(scripted({ authorize: waiting.answer }).point);
    const answer = authorize(edge);
    await until(() => edge.server.inProgress() === 1);
    const drained = edge.server.drain(5_000);
    const late = new DecisionServiceClient(edge.server.address, credentials.createInsecure());
    const refused = ask(late, late.authorize, authorizeRequest(), { deadline: Date.now() + 2_000 });
    expect((await failureOf(refused)).code).toBe(status.UNAVAILABLE);
    late.close();
    waiting.release();
    await expect(answer).resolves.toBeDefined();
    expect(await drained).toBe(0);
  });

  it('cuts off what takes longer than it was given, and says how many', async () => {
    const waiting = held();
    const edge = await start(scripted({ authorize: waiting.answer }).point);
    const answer = failureOf(authorize(edge));
    await until(() => edge.server.inProgress() === 1);
    expect(await edge.server.drain(50)).toBe(1);
    expect((await answer).code).toBe(status.UNAVAILABLE);
    waiting.release();
  });

  it('tells a health watcher NOT_SERVING first, and is not held up by it', async () => {
    const edge = await start(scripted().point);
    const client = new HealthClient(edge.server.address, credentials.createInsecure());
    const watch = client.watch as unknown as (request: object) => NodeJS.EventEmitter;
    const seen: unknown[] = [];
    const stream = watch.call(client, { service: '' });
    stream.on('data', (one: unknown) => seen.push(one));
    stream.on('error', () => undefined);
    await until(() => seen.length === 1);
    const before = Date.now();
    expect(await edge.server.drain(20_000)).toBe(0);
    expect(Date.now() - before).toBeLessThan(10_000);
    await until(() => seen.length === 2);
    expect(seen).toEqual([{ status: 'SERVING' }, { status: 'NOT_SERVING' }]);
    client.close();
  });
});

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
  readonly errorResponse?: { readonly errorCode: number };
}

/** Asks as grpcurl does: one stream, one question. */
function reflect(edge: RunningEdge, version: string, question: object): Promise<ReflectionAnswer> {
  const path = createRequire(import.meta.url).resolve('@grpc/reflection');
  const folder = join(path, '..', '..', 'proto', 'grpc', 'reflection', version);
  const definition = loadSync(join(folder, 'reflection.proto'), { oneofs: true });
  const name = `grpc.reflection.${version}.ServerReflection`;
  const service = definition[name];
  const Client = makeGenericClientConstructor(service as never, name);
  const client = new Client(edge.server.address, credentials.createInsecure());
  const open = client.serverReflectionInfo as unknown as () => ClientDuplexStream<
    object,
    ReflectionAnswer
  >;
  const stream = open.call(client);
  return new Promise<ReflectionAnswer>((resolve, reject) => {
    stream.once('data', resolve);
    stream.once('error', reject);
    stream.write(question);
    stream.end();
  }).finally(() => client.close());
}

describe('reflection', () => {
  it.each(['v1', 'v1alpha'])('D1: %s lists the services and describes them', async (version) => {
    const edge = await start(scripted().point);
    const listed = await reflect(edge, version, { listServices: '*' });
    expect(listed.listServicesResponse?.service.map(({ name }) => name).sort()).toEqual([
      'tollgate.v1.DecisionService',
      'tollgate.v1.QueryService',
      'tollgate.v1.RecordService',
    ]);
    const described = await reflect(edge, version, {
      fileContainingSymbol: 'tollgate.v1.DecisionService',
    });
    const files = Buffer.concat([...(described.fileDescriptorResponse?.fileDescriptorProto ?? [])]);
    for (const name of ['AuthorizeRequest', 'ReserveResponse', 'hold_for', 'BudgetStatus']) {
      expect(files.toString('latin1')).toContain(name);
    }
    const unknown = await reflect(edge, version, { fileContainingSymbol: 'no.such.Thing' });
    expect(unknown.errorResponse?.errorCode).toBe(status.NOT_FOUND);
  });
});

describe('where it listens', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-edge-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const refusal = (listen: string): Promise<unknown> =>
    start(scripted().point, { listen }).then(
      () => 'it listens',
      (error: unknown) => error,
    );

  it.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'gate.example:0', '10.0.0.1:50051'])(
    'R91: %s is refused without TLS, with what to do',
    async (listen) => {
      const error = await refusal(listen);
      expect(error).toBeInstanceOf(ListenError);
      expect((error as Error).message).toMatch(/without TLS.*Unix socket.*loopback/);
    },
  );

  it('another address is accepted when that is asked for explicitly', async () => {
    const edge = await start(scripted().point, { listen: '0.0.0.0:0', allowInsecure: true });
    const port = edge.server.address.split(':').at(-1);
    const client = new DecisionServiceClient(`127.0.0.1:${port}`, credentials.createInsecure());
    await expect(ask(client, client.authorize, authorizeRequest())).resolves.toBeDefined();
    client.close();
  });

  it.each(['', '50051', 'localhost', 'a:b', '127.0.0.1:70000', 'unix:', '[::1]'])(
    '"%s" is refused with the forms that are understood',
    async (listen) => {
      expect(((await refusal(listen)) as Error).message).toMatch(/unix:\/path\/to\.sock/);
    },
  );

  it.each(['127.0.0.1:0', 'localhost:0', '[::1]:0'])('%s answers', async (listen) => {
    const edge = await start(scripted().point, { listen });
    await expect(authorize(edge)).resolves.toBeDefined();
  });

  it('a port in use is named, with what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const error = await refusal(`127.0.0.1:${port}`);
    other.close();
    expect(error).toBeInstanceOf(ListenError);
    expect((error as Error).message).toBe(
      `127.0.0.1:${port} is in use: stop the process that listens there or choose another address.`,
    );
  });

  it('a Unix socket answers to its owner only, and is gone after the drain', async () => {
    const path = join(folder, 'gate.sock');
    const edge = await start(scripted().point, { listen: `unix:${path}` });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(authorize(edge)).resolves.toBeDefined();
    await edge.stop();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('the socket of a process that died is taken over', async () => {
    const path = join(folder, 'gate.sock');
    await leaveStaleSocket(path);
    expect((await stat(path)).isSocket()).toBe(true);
    const edge = await start(scripted().point, { listen: `unix://${path}` });
    await expect(authorize(edge)).resolves.toBeDefined();
  });

  it('the socket of a living process is not', async () => {
    const path = join(folder, 'gate.sock');
    const first = await start(scripted().point, { listen: `unix:${path}` });
    const error = await refusal(`unix:${path}`);
    expect((error as Error).message).toContain('Another process already answers');
    await expect(authorize(first)).resolves.toBeDefined();
  });

  it('a file that is no socket is left alone', async () => {
    const path = join(folder, 'notes.txt');
    await writeFile(path, 'keep me');
    expect(((await refusal(`unix:${path}`)) as Error).message).toContain('is no socket');
    expect((await stat(path)).size).toBe(7);
  });

  it('a directory that is missing and a path that is too long are named', async () => {
    const missing = await refusal(`unix:${join(folder, 'missing', 'gate.sock')}`);
    expect((missing as Error).message).toMatch(/does not exist|may not be opened/);
    const long = await refusal(`unix:/${'x'.repeat(107)}`);
    expect((long as Error).message).toContain('longer than 107 bytes');
  });
});

/** Node removes a socket when it closes, so it is bound by a process that is killed. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log())`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}
