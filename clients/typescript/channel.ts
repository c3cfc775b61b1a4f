import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ChannelCredentials,
  Client,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { TollgateError } from './errors.ts';
import { DEFAULT_RETRY, delayBeforeRepeatMs, type RetryPolicy } from './retry.ts';

export interface ChannelOptions {
  /** Longest wait for one try, in milliseconds. Default 2,000. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** How the connection is secured. Default: not at all, for a sidecar on the same machine. */
  readonly credentials?: ChannelCredentials;
}

export interface RequestOptions {
  /** As in ChannelOptions, for this request only. */
  readonly timeoutMs?: number;
  /** Ends the wait, repeats included. The request may still have had its effect. */
  readonly signal?: AbortSignal;
  /** W3C `traceparent` of the calling span; the decision's trace continues it. */
  readonly traceparent?: string;
}

/** One unary method, as the generated service definitions describe it. */
export interface UnaryMethod<Request, Response> {
  readonly path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

/** Two seconds: far above what a healthy sidecar needs, far below what a person waits for. */
const DEFAULT_TIMEOUT_MS = 2_000;

/**
 * A sidecar restarts within a second, so a lost connection is tried again sooner than gRPC's
 * second.
 */
const INITIAL_RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 1_000;

/** A stream that brings nothing for this long is given up. */
const STALL_MS = 60_000;

/** One connection to a sidecar, with deadlines and repeats. */
export class Channel {
  readonly #client: Client;
  readonly #timeoutMs: number;
  readonly #retry: RetryPolicy;

  constructor(address: string, options: ChannelOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#client = new Client(address, options.credentials ?? grpcCredentials.createInsecure(), {
      // A proxy for the internet does not lead to a sidecar.
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': INITIAL_RECONNECT_MS,
      'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_MS,
    });
  }

  /**
   * Sends a request until it is answered, at most `retry.attempts` times.
   * @param request the same for every try; `requestId` in it makes repeats safe.
   * @throws TollgateError when no try was answered; the signal's reason when it was aborted.
   */
  async send<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: RequestOptions & { requestId?: string } = {},
  ): Promise<Response> {
    for (let attempts = 1; ; attempts += 1) {
      options.signal?.throwIfAborted();
      const outcome = await this.#sendOnce(method, request, options);
      if ('response' in outcome) return outcome.response;
      options.signal?.throwIfAborted();

      const { requestId = '' } = options;
      const error = new TollgateError(outcome.error, { requestId, attempts });
      const delayMs = delayBeforeRepeatMs(error, this.#retry, Math.random());
      if (delayMs === undefined) throw error;
      await pause(delayMs, options.signal);
    }
  }

  /**
   * Messages of a stream, read as fast as they are asked for. It is not repeated: what was read
   * stands. Leaving it early ends it at the server too.
   * @throws TollgateError when it breaks off; the signal's reason when it was aborted.
   */
  async *stream<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    { signal, traceparent }: Omit<RequestOptions, 'timeoutMs'> = {},
  ): AsyncGenerator<Response, void, undefined> {
    signal?.throwIfAborted();
    const call = this.#client.makeServerStreamRequest(
      method.path,
      (value: Request) => method.requestSerialize(value),
      (bytes) => method.responseDeserialize(bytes),
      request,
      metadataOf(traceparent),
    );
    const abort = () => {
      call.cancel();
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const messages = call[Symbol.asyncIterator]() as AsyncIterator<Response>;
      for (;;) {
        const next = await beforeStall(messages.next(), abort);
        if (next.done) return;
        yield next.value;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw new TollgateError(error as ServiceError, { requestId: '', attempts: 1 });
    } finally {
      signal?.removeEventListener('abort', abort);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #sendOnce<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    { timeoutMs = this.#timeoutMs, signal, traceparent }: RequestOptions,
  ): Promise<{ response: Response } | { error: ServiceError }> {
    const metadata = metadataOf(traceparent);
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        (value: Request) => method.requestSerialize(value),
        (bytes) => method.responseDeserialize(bytes),
        request,
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          signal?.removeEventListener('abort', abort);
          if (error !== null) resolve({ error });
          // grpc-js gives either an error or a response; its types say that both may be absent.
          else resolve({ response: response as Response });
        },
      );
      const abort = () => {
        call.cancel();
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

function metadataOf(traceparent: string | undefined): Metadata {
  const metadata = new Metadata();
  if (traceparent !== undefined) metadata.set('traceparent', traceparent);
  return metadata;
}

/** @param stalled ends what is waited for; it then rejects. */
async function beforeStall<T>(message: Promise<T>, stalled: () => void): Promise<T> {
  const timer = setTimeout(stalled, STALL_MS);
  try {
    return await message;
  } finally {
    clearTimeout(timer);
  }
}

async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
