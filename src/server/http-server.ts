import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { addressText, parseAddress } from './address.ts';
import { causeOf, type EdgeLog } from './edge-log.ts';
import { listen } from './listen.ts';

/** Whether this process can decide, part by part, for example `{ database: 'connected' }`. */
export interface Readiness {
  readonly healthy: boolean;
  readonly services: Readonly<Record<string, string>>;
}

export interface HttpServerOptions {
  /** "unix:/path", or "host:port" on loopback. */
  readonly listen: string;
  /** Accept an address that other machines reach, without TLS. */
  readonly allowInsecure: boolean;
  /** All metrics in the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  readonly readiness: () => Promise<Readiness>;
  readonly log: EdgeLog;
}

export interface HttpServer {
  /** Where it listens. */
  readonly address: string;
  /** Stops accepting and closes every connection, also those that answer. */
  close(): Promise<void>;
}

/** Nothing that is asked here has a body or long headers. */
const MAX_HEADER_BYTES = 8 * 1024;
/** A scraper sends its request at once. */
const REQUEST_MS = 5_000;
/** Longer than the deadline of any store; a probe that waits longer has given up. */
const ANSWER_MS = 3_000;

/**
 * Serves `/metrics`, `/healthz` (this process runs) and `/readyz` (it can decide; 503 when not) to
 * operators.
 * @throws ListenError when the address is refused or taken.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const wanted = parseAddress(options.listen, options);
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    keepAliveTimeout: REQUEST_MS,
  };
  const server = createServer(limits, route(options));
  const address = addressText(await listen(server, wanted));
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const JSON_TYPE = 'application/json; charset=utf-8';
/** Text format 0.0.4 of Prometheus. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function route(options: HttpServerOptions): RequestListener {
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(request, response, 405, 'Use GET.');
      return;
    }
    const answer = pageOf(options, request.url ?? '');
    if (answer === undefined) {
      refuse(request, response, 404, 'Ask for /metrics, /healthz or /readyz.');
      return;
    }
    within(ANSWER_MS, answer).then(
      (page) => send(request, response, page),
      (thrown: unknown) => {
        options.log.error({ path: request.url, cause: causeOf(thrown) }, 'a page failed');
        refuse(request, response, 503, 'This page cannot be answered now; see the log.');
      },
    );
  };
}

function pageOf(options: HttpServerOptions, url: string): Promise<Page> | undefined {
  const [path] = url.split('?', 1);
  switch (path) {
    case '/metrics':
      return metricsPage(options);
    case '/healthz':
      return Promise.resolve({ status: 200, type: JSON_TYPE, body: '{"status":"alive"}' });
    case '/readyz':
      return readinessPage(options);
    default:
      return undefined;
  }
}

async function metricsPage({ metrics }: HttpServerOptions): Promise<Page> {
  return { status: 200, type: METRICS_TYPE, body: await metrics() };
}

async function readinessPage({ readiness }: HttpServerOptions): Promise<Page> {
  const { healthy, services } = await readiness();
  const body = JSON.stringify({ status: healthy ? 'healthy' : 'unhealthy', services });
  return { status: healthy ? 200 : 503, type: JSON_TYPE, body };
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([answer, over]).finally(() => clearTimeout(timer));
}

/** Closes the connection: a body that nobody reads must not be taken for the next request. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  response.setHeader('connection', 'close');
  if (status === 405) response.setHeader('allow', 'GET, HEAD');
  send(request, response, { status, type: 'text/plain; charset=utf-8', body: `${text}\n` });
}

function send(request: IncomingMessage, response: ServerResponse, page: Page): void {
  response.writeHead(page.status, {
    'content-type': page.type,
    'content-length': Buffer.byteLength(page.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : page.body);
}
