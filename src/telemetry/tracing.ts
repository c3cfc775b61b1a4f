import type { Decision } from '../decision/decision.ts';
import type { SpanName } from '../decision/observer.ts';
import { parseTraceparent, type TraceHeaders } from './trace-context.ts';

/** What is told to whoever collects traces. Nothing of it fails or waits. */
export interface Tracing {
  /**
   * Runs a request inside a span that continues the caller's trace.
   * @param method full gRPC method, for example "/tollgate.v1.DecisionService/Reserve".
   * @param handler is told the trace id: 32 lower-case hex digits, or empty when there is none.
   */
  request<T>(
    method: string,
    headers: TraceHeaders,
    handler: (traceId: string) => Promise<T>,
  ): Promise<T>;
  /** Runs a part of the request under way inside a span of its own. */
  stage<T>(name: SpanName, run: () => Promise<T>): Promise<T>;
  step<T>(name: SpanName, run: () => T): T;
  /** Says on the request's span what was decided. */
  decided(operation: string, decision: Decision, tenant: string, agent: string): void;
  /** Of the request under way; empty when there is none. */
  traceId(): string;
  /** Spans that did not reach the collector. */
  lostSpans(): number;
  /** Sends what is buffered, within the time given. */
  close(withinMs: number): Promise<void>;
}

/** Makes no spans and keeps no context: it only tells the trace that the caller is in. */
export const tracingOff: Tracing = {
  request: (_method, { traceparent }, handler) =>
    handler(parseTraceparent(traceparent)?.traceId ?? ''),
  stage: (_name, run) => run(),
  step: (_name, run) => run(),
  decided: () => undefined,
  traceId: () => '',
  lostSpans: () => 0,
  close: () => Promise.resolve(),
};

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export interface TracingSettings {
  /** Whole URL that takes OTLP traces over HTTP; undefined means that none are sent. */
  readonly tracesUrl: string | undefined;
  readonly serviceName: string;
  readonly sampler: SamplerName;
  /** From 0 to 1, for the samplers that keep a share. */
  readonly samplerRatio: number;
}
