import type {
  handleUnaryCall,
  Metadata,
  sendUnaryData,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { causeOf, type EdgeLog } from './edge-log.ts';
import type { Gate } from './gate.ts';
import { failureOf, internal, unreadable } from './refusals.ts';
import type { RequestTracing } from './request-tracing.ts';
import { CallFailure } from './status-details.ts';

/** What every method of the edge shares. */
export interface Edge {
  readonly gate: Gate;
  readonly tracing: RequestTracing;
  readonly log: EdgeLog;
}

/** Answers one request, or says why it is not answered. Rejects only on a defect. */
export type Answerer<Request, Response> = (
  request: Request,
  traceId: string,
) => Promise<Response | CallFailure>;

/** Told to a caller that finds the edge full; about what a full edge needs to make room again. */
export const RETRY_AFTER_MS = 100;

/**
 * Stands for a request whose bytes cannot be decoded; the library would answer INTERNAL, as if it
 * were our fault.
 */
const UNREADABLE = Symbol('unreadable');

export function isUnreadable(request: unknown): boolean {
  return request === UNREADABLE;
}

/**
 * A handler of grpc-js round an answerer: bounded, traced, and never throwing. When the caller
 * cancels or its deadline passes, grpc-js sends nothing more; the work goes on and a repeat finds
 * its outcome.
 */
export function unary<Request, Response>(
  edge: Edge,
  method: string,
  answer: Answerer<Request, Response>,
): handleUnaryCall<Request, Response> {
  const { gate, tracing } = edge;
  return (call, callback) => {
    if (isUnreadable(call.request)) {
      callback(unreadable());
      return;
    }
    if (!gate.enter()) {
      callback(failureOf({ kind: 'overloaded', retryAfterMs: RETRY_AFTER_MS }, ''));
      return;
    }
    const failed = (thrown: unknown): void => {
      edge.log.error({ method, cause: causeOf(thrown) }, 'a request failed on a defect');
      settle(edge, callback, internal());
    };
    try {
      tracing
        .run(method, traceHeadersOf(call.metadata), (traceId) => answer(call.request, traceId))
        .then((answered) => settle(edge, callback, answered), failed);
    } catch (thrown) {
      failed(thrown);
    }
  };
}

/** Sends the answer and makes room; never throws, because nobody would catch it. */
function settle<Response>(
  { gate, log }: Edge,
  callback: sendUnaryData<Response>,
  answered: Response | CallFailure,
): void {
  try {
    if (answered instanceof CallFailure) callback(answered);
    else callback(null, answered);
  } catch (thrown) {
    log.error({ cause: causeOf(thrown) }, 'an answer could not be sent');
  } finally {
    gate.leave();
  }
}

const NO_TRACE = { traceparent: '', tracestate: '' };

export function traceHeadersOf(metadata: Metadata): typeof NO_TRACE {
  const [traceparent] = metadata.get('traceparent');
  if (typeof traceparent !== 'string') return NO_TRACE;
  const [tracestate] = metadata.get('tracestate');
  return { traceparent, tracestate: typeof tracestate === 'string' ? tracestate : '' };
}

/**
 * The same service, whose undecodable requests reach the handler instead of failing inside the
 * library.
 */
export function decodingSafely<Implementation extends UntypedServiceImplementation>(
  service: ServiceDefinition<Implementation>,
): ServiceDefinition<Implementation> {
  const methods = Object.entries(service).map(([name, method]) => [
    name,
    { ...method, requestDeserialize: orUnreadable(method.requestDeserialize) },
  ]);
  return Object.fromEntries(methods) as ServiceDefinition<Implementation>;
}

function orUnreadable(decode: (bytes: Buffer) => unknown): (bytes: Buffer) => unknown {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch {
      return UNREADABLE;
    }
  };
}
