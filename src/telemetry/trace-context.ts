/** The W3C trace context of a request, as its headers say it; empty text when absent. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate: string;
}

export interface TraceParent {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/**
 * Later versions may add parts at the end; version ff is forbidden, and ids of zeros are no ids.
 */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

const SAMPLED_FLAG = 1;

/**
 * Reads a `traceparent` header (W3C Trace Context, level 1); undefined when it is absent or
 * malformed.
 */
export function parseTraceparent(traceparent: string): TraceParent | undefined {
  if (traceparent === '') return undefined;
  const [, traceId = '', spanId = '', flags = '0'] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === '') return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & SAMPLED_FLAG) !== 0 };
}
