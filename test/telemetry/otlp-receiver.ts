import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2 is an error. */
  readonly status: number;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  readonly resource: Readonly<Record<string, unknown>>;
  /** All bodies as received. */
  readonly bytes: Buffer;
  /** What to answer from now on. */
  answer(status: number): void;
  close(): Promise<void>;
}

/** Takes OTLP traces over HTTP and decodes as much of the protobuf as the tests look at. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  let resource: Readonly<Record<string, unknown>> = {};
  let status = 200;
  const server = createServer((request, response) => {
    const taken = buffer(request).then((body) => {
      response.writeHead(status).end();
      if (status !== 200 || request.url !== '/v1/traces') return;
      bodies.push(body);
      for (const resourceSpans of fieldsOf(body).messages(1)) {
        resource = attributesOf(fieldsOf(resourceSpans.message(1)).messages(1));
        for (const scope of resourceSpans.messages(2)) spans.push(...scope.messages(2).map(spanOf));
      }
    });
    taken.catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    get resource() {
      return resource;
    },
    get bytes() {
      return Buffer.concat(bodies);
    },
    answer: (next) => (status = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spanOf(span: Fields): ReceivedSpan {
  return {
    traceId: span.message(1).toString('hex'),
    spanId: span.message(2).toString('hex'),
    traceState: span.message(3).toString(),
    parentSpanId: span.message(4).toString('hex'),
    name: span.message(5).toString(),
    kind: span.number(6),
    attributes: attributesOf(span.messages(9)),
    status: fieldsOf(span.message(15)).number(3),
  };
}

function attributesOf(pairs: readonly Fields[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => [pair.message(1).toString(), valueOf(fieldsOf(pair.message(2)))]),
  );
}

function valueOf(value: Fields): unknown {
  if (value.has(1)) return value.message(1).toString();
  if (value.has(2)) return value.number(2) === 1;
  if (value.has(3)) return value.number(3);
  return fieldsOf(value.message(5)).messages(1).map(valueOf);
}

interface Fields {
  has(field: number): boolean;
  number(field: number): number;
  message(field: number): Buffer;
  messages(field: number): readonly Fields[];
}

/** The fields of one protobuf message by number. */
function fieldsOf(message: Buffer): Fields {
  const found = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const sized = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.length) {
    const tag = varint();
    const type = tag & 7;
    const value = type === 0 ? varint() : sized(type === 2 ? varint() : type === 1 ? 8 : 4);
    found.set(tag >> 3, [...(found.get(tag >> 3) ?? []), value]);
  }
  const first = (field: number): number | Buffer | undefined => found.get(field)?.[0];
  return {
    has: (field) => found.has(field),
    number: (field) => Number(first(field) ?? 0),
    message: (field) => (first(field) as Buffer | undefined) ?? Buffer.alloc(0),
    messages: (field) => (found.get(field) ?? []).map((value) => fieldsOf(value as Buffer)),
  };
}
