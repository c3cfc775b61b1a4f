/** The W3C trace context of a request, as its headers say it; empty text when absent. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate: string;
}

/** Puts a span round every request. Tracing never fails a request. */
export interface RequestTracing {
  /**
   * Runs a handler inside a span that continues the caller's trace.
   * @param method full gRPC method, for example "/tollgate.v1.DecisionService/Reserve".
   * @param handler is told the trace id: 32 lower-case hex digits, or empty when there is none.
   */
  run<T>(
    method: string,
    headers: TraceHeaders,
    handler: (traceId: string) => Promise<T>,
  ): Promise<T>;
}

/** Makes no spans; only tells the trace that the caller is in. */
export const noTracing: RequestTracing = {
  run: (_method, headers, handler) => handler(traceIdOf(headers.traceparent)),
};

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/**
 * Trace id of a `traceparent` header (W3C Trace Context, level 1); empty when it is absent or
 * malformed.
 */
export function traceIdOf(traceparent: string): string {
  return traceparent === '' ? '' : (TRACEPARENT.exec(traceparent)?.[1] ?? '');
}
