import { status, type handleServerStreamingCall, type ServerWritableStream } from '@grpc/grpc-js';
import { causeOf } from './edge-log.ts';
import { Gate } from './gate.ts';
import { failureOf, internal, unreadable } from './refusals.ts';
import { CallFailure, errorInfo } from './status-details.ts';
import { isUnreadable, RETRY_AFTER_MS, traceHeadersOf, type Edge } from './unary.ts';

/** Messages one after the other, made when they are asked for; at the end, why no more come. */
export type Source<Request, Message> = (
  request: Request,
) => AsyncGenerator<Message, CallFailure | undefined, undefined>;

export interface StreamBounds {
  /** Streams of this method at once; beyond it callers are told to come back. */
  readonly mostAtOnce: number;
  /** A caller that takes nothing for this long is let go. */
  readonly stallMs: number;
}

/**
 * A handler of grpc-js round a source: it is asked for the next message only when the caller has
 * taken those before, and left when the caller goes away. Never throws.
 */
export function streaming<Request, Message>(
  edge: Edge,
  method: string,
  source: Source<Request, Message>,
  { mostAtOnce, stallMs }: StreamBounds,
): handleServerStreamingCall<Request, Message> {
  const own = new Gate(mostAtOnce);
  const entered = (): boolean => {
    if (!own.enter()) return false;
    if (edge.gate.enter()) return true;
    own.leave();
    return false;
  };
  return (call) => {
    if (isUnreadable(call.request)) {
      call.emit('error', unreadable());
      return;
    }
    if (!entered()) {
      call.emit('error', failureOf({ kind: 'overloaded', retryAfterMs: RETRY_AFTER_MS }, ''));
      return;
    }
    const finish = (failure: CallFailure | undefined): void => {
      if (failure) call.emit('error', failure);
      else call.end();
      own.leave();
      edge.gate.leave();
    };
    const failed = (thrown: unknown): void => {
      edge.log.error({ method, cause: causeOf(thrown) }, 'a stream failed on a defect');
      finish(internal());
    };
    const run = async (): Promise<CallFailure | undefined> =>
      edge.tracing.run(method, traceHeadersOf(call.metadata), () =>
        send(call, source(call.request), stallMs),
      );
    run().then(finish, failed);
  };
}

async function send<Request, Message>(
  call: ServerWritableStream<Request, Message>,
  messages: ReturnType<Source<Request, Message>>,
  stallMs: number,
): Promise<CallFailure | undefined> {
  try {
    for (;;) {
      const next = await messages.next();
      if (next.done) return next.value;
      if (call.cancelled) return undefined;
      if (!call.write(next.value) && !(await drained(call, stallMs))) return stalled();
    }
  } finally {
    await messages.return(undefined);
  }
}

/** @returns false when the caller has taken nothing in time. */
async function drained<Request, Message>(
  call: ServerWritableStream<Request, Message>,
  stallMs: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let done: () => void = () => undefined;
  const inTime = await new Promise<boolean>((resolve) => {
    done = () => resolve(true);
    timer = setTimeout(() => resolve(false), stallMs);
    call.once('drain', done).once('cancelled', done);
    if (call.cancelled) done();
  });
  clearTimeout(timer);
  call.off('drain', done).off('cancelled', done);
  return inTime;
}

function stalled(): CallFailure {
  const text = 'The caller took nothing of the stream for too long: ask again.';
  return new CallFailure(status.ABORTED, text, [errorInfo('STREAM_STALLED')]);
}
