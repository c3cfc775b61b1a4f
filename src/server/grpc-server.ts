import { createServer, type Socket } from 'node:net';
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { DecisionPoint } from '../decision/answers.ts';
import type { PersonDesk } from '../decision/person-desk.ts';
import type { Queries } from '../decision/queries.ts';
import { QueryServiceService } from '../gen/tollgate/v1/query_service.ts';
import { RecordServiceService } from '../gen/tollgate/v1/record_service.ts';
import { addressText, parseAddress } from './address.ts';
import { decisionHandlers, decisionService } from './decision-service.ts';
import type { EdgeLog } from './edge-log.ts';
import { Gate } from './gate.ts';
import { addHealth, type Health } from './health.ts';
import { takeOverLibraryLog } from './library-log.ts';
import { listen } from './listen.ts';
import { queryHandlers } from './query-service.ts';
import { recordHandlers } from './record-service.ts';
import { addReflection } from './reflection.ts';
import type { RequestTracing } from './request-tracing.ts';
import { decodingSafely, type Edge } from './unary.ts';

/** Bounds of the gRPC edge. */
export interface EdgeLimits {
  /** A call with everything at its bound takes about 40 KiB. */
  readonly maxMessageBytes: number;
  /** Of one connection. */
  readonly maxConcurrentStreams: number;
  /** Of all connections; beyond it callers are told to come back. */
  readonly maxInProgress: number;
  /** A silent peer is asked after this long, so that dead connections go away. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Callers reconnect after this long, give or take a tenth; Infinity never. */
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
}

export const DEFAULT_EDGE_LIMITS: EdgeLimits = {
  maxMessageBytes: 256 * 1024,
  maxConcurrentStreams: 1_024,
  maxInProgress: 4_096,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  maxConnectionAgeMs: Infinity,
  maxConnectionAgeGraceMs: 30_000,
};

export interface GrpcServerOptions {
  /** "unix:/path", or "host:port" on loopback. */
  readonly listen: string;
  /** Accept an address that other machines reach, without TLS. */
  readonly allowInsecure: boolean;
  readonly decisionPoint: DecisionPoint;
  readonly queries: Queries;
  readonly personDesk: PersonDesk;
  readonly tracing: RequestTracing;
  readonly log: EdgeLog;
  /** What grpc.health.v1 says at first. */
  readonly serving: boolean;
  readonly limits?: Partial<EdgeLimits>;
}

export interface GrpcServer extends Health {
  /** Where it listens, as a client takes it. */
  readonly address: string;
  /** Requests in progress now. */
  inProgress(): number;
  /**
   * Says NOT_SERVING, accepts nobody new, waits for the requests in progress, then closes every
   * connection.
   * @returns how many requests were cut off because the time was over; 0 is a clean end.
   */
  drain(withinMs: number): Promise<number>;
}

/**
 * Starts the gRPC edge: DecisionService, QueryService, RecordService, health and reflection on one
 * address.
 * @throws ListenError when the address is refused or taken.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const limits = { ...DEFAULT_EDGE_LIMITS, ...options.limits };
  const wanted = parseAddress(options.listen, options);
  const gate = new Gate(limits.maxInProgress);
  const edge: Edge = { gate, tracing: options.tracing, log: options.log };

  takeOverLibraryLog(options.log);
  const server = new Server(serverOptions(limits));
  const { decisionPoint, queries, personDesk } = options;
  server.addService(decodingSafely(decisionService), decisionHandlers(decisionPoint, edge));
  server.addService(decodingSafely(QueryServiceService), queryHandlers(queries, edge));
  server.addService(decodingSafely(RecordServiceService), recordHandlers(personDesk, edge));
  const health = addHealth(server, options.serving);
  addReflection(server, options.log);

  const { acceptor, sockets } = createAcceptor(server);
  const address = addressText(await listen(acceptor, wanted));
  return {
    address,
    setServing: (serving) => health.setServing(serving),
    inProgress: () => gate.inProgress,
    drain: async (withinMs) => {
      health.setServing(false);
      const closed = new Promise<void>((resolve) => acceptor.close(() => resolve()));
      // Its own callback comes too early: sessions that are still closing count as closed.
      server.tryShutdown(() => undefined);
      await within(withinMs, Promise.race([closed, idleAndFlushed(gate)]));
      const cut = gate.inProgress;
      server.forceShutdown();
      for (const socket of sockets) socket.destroy();
      return cut;
    },
  };
}

function serverOptions(limits: EdgeLimits): ServerOptions {
  const ageing = Number.isFinite(limits.maxConnectionAgeMs)
    ? {
        'grpc.max_connection_age_ms': limits.maxConnectionAgeMs,
        'grpc.max_connection_age_grace_ms': limits.maxConnectionAgeGraceMs,
      }
    : {};
  return {
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    // Nobody reads its statistics, and they cost every call.
    'grpc.enable_channelz': 0,
    ...ageing,
  };
}

/**
 * Accepts connections itself and hands them to grpc-js: binding then fails with a code that can be
 * explained, a Unix socket gets its mode, connections are bounded, and a forced end reaches every
 * one of them.
 */
function createAcceptor(server: Server): {
  acceptor: ReturnType<typeof createServer>;
  sockets: ReadonlySet<Socket>;
} {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const acceptor = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  return { acceptor, sockets };
}

/**
 * Time for the last answers to leave; a health watcher would otherwise keep its connection for
 * good.
 */
const FLUSH_MS = 100;

async function idleAndFlushed(gate: Gate): Promise<void> {
  do {
    await gate.idle();
    await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
  } while (gate.inProgress > 0);
}

/** Waits for something at most this long. */
async function within(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, over]);
  clearTimeout(timer);
}
