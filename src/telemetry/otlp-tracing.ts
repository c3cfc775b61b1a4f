import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import type { Decision } from '../decision/decision.ts';
import type { SpanName } from '../decision/observer.ts';
import { BoundedProcessor, CountingExporter, SpanLosses } from './span-losses.ts';
import { parseTraceparent, type TraceHeaders } from './trace-context.ts';
import type { SamplerName, Tracing, TracingSettings } from './tracing.ts';

/** Spans held while the collector is slow, about 10 MB; past it new ones are lost and counted. */
const MAX_QUEUED_SPANS = 8192;
const MAX_BATCH_SPANS = 512;
const SEND_EVERY_MS = 1000;
const SEND_WITHIN_MS = 5000;

/** Longest list of reason codes on a span. */
const MAX_REASONS = 16;

interface RequestSpan {
  readonly span: Span;
  readonly context: Context;
}

/** Traces over OTLP/HTTP with protobuf bodies. */
export function openOtlpTracing(
  settings: TracingSettings & { readonly tracesUrl: string },
  reportLoss: (problem: string) => void,
): Tracing {
  const exporter = new OTLPTraceExporter({
    url: settings.tracesUrl,
    timeoutMillis: SEND_WITHIN_MS,
  });
  return new OtlpTracing(settings, exporter, reportLoss);
}

/** Spans of requests and their stages. Keeps its own context and registers nothing globally. */
export class OtlpTracing implements Tracing {
  readonly #tracer: Tracer;
  readonly #provider: NodeTracerProvider;
  readonly #losses: SpanLosses;
  readonly #current = new AsyncLocalStorage<RequestSpan>();

  constructor(
    { serviceName, sampler, samplerRatio }: Omit<TracingSettings, 'tracesUrl'>,
    exporter: SpanExporter,
    reportLoss: (problem: string) => void,
  ) {
    this.#losses = new SpanLosses(reportLoss, () => performance.now());
    const batches = new BatchSpanProcessor(new CountingExporter(exporter, this.#losses), {
      // Never reached: what is past the bound is counted before it gets there.
      maxQueueSize: 2 * MAX_QUEUED_SPANS,
      maxExportBatchSize: MAX_BATCH_SPANS,
      scheduledDelayMillis: SEND_EVERY_MS,
      exportTimeoutMillis: SEND_WITHIN_MS,
    });
    this.#provider = new NodeTracerProvider({
      resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: serviceName }),
      sampler: samplerOf(sampler, samplerRatio),
      spanProcessors: [new BoundedProcessor(batches, this.#losses, MAX_QUEUED_SPANS)],
    });
    this.#tracer = this.#provider.getTracer('tollgate');
  }

  async request<T>(
    method: string,
    headers: TraceHeaders,
    handler: (traceId: string) => Promise<T>,
  ): Promise<T> {
    const [service, call = ''] = method.split('/').slice(-2);
    const options = {
      kind: SpanKind.SERVER,
      attributes: { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': call },
    };
    const span = this.#tracer.startSpan(spanName(call), options, contextOf(headers));
    const current = { span, context: trace.setSpan(ROOT_CONTEXT, span) };
    try {
      return await this.#current.run(current, () => handler(span.spanContext().traceId));
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  async stage<T>(name: SpanName, run: () => Promise<T>): Promise<T> {
    const span = this.#child(name);
    if (!span) return run();
    try {
      return await run();
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  step<T>(name: SpanName, run: () => T): T {
    const span = this.#child(name);
    if (!span) return run();
    try {
      return run();
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  /** Undefined outside a request, and when the trace is not kept. */
  #child(name: SpanName): Span | undefined {
    const current = this.#current.getStore();
    if (!current?.span.isRecording()) return undefined;
    return this.#tracer.startSpan(name, undefined, current.context);
  }

  decided(operation: string, decision: Decision, tenant: string, agent: string): void {
    const span = this.#current.getStore()?.span;
    if (!span?.isRecording()) return;
    span.setAttributes({
      'tollgate.operation': operation,
      'tollgate.tenant': tenant,
      'tollgate.agent': agent,
      'tollgate.decision_id': decision.decisionId,
      'tollgate.effect': decision.effect,
      'tollgate.reasons': decision.reasons.slice(0, MAX_REASONS).map(({ code }) => code),
      'tollgate.revision': decision.configurationRevision,
      'tollgate.degraded': decision.degraded,
    });
  }

  traceId(): string {
    return this.#current.getStore()?.span.spanContext().traceId ?? '';
  }

  lostSpans(): number {
    return this.#losses.lost;
  }

  async close(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    // A collector that is away at the end is counted by the exporter; the process ends all the
    // same.
    const sent = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([sent, late]).finally(() => clearTimeout(timer));
  }
}

/** "Reserve" is "tollgate.reserve". */
function spanName(call: string): string {
  return `tollgate.${call.charAt(0).toLowerCase()}${call.slice(1)}`;
}

/** The caller's span as the parent, or no parent. */
function contextOf({ traceparent, tracestate }: TraceHeaders): Context {
  const parent = parseTraceparent(traceparent);
  if (!parent) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.sampled ? 1 : 0,
    isRemote: true,
    ...(tracestate !== '' && { traceState: createTraceState(tracestate) }),
  });
}

/** Only the kind of the error: its message may repeat what a caller sent. */
function failed(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
}

function samplerOf(name: SamplerName, ratio: number): Sampler {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}
