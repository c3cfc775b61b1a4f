import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';

type Done = Parameters<SpanExporter['export']>[1];

/** ExportResultCode.SUCCESS of the SDK, whose enum lives in a package that we do not depend on. */
const SUCCESS: unknown = 0;

/** A collector that is away for a day is one line a minute. */
const TELL_EVERY_MS = 60_000;

/** Counts spans that were made and did not arrive, and tells why; the SDK drops them in silence. */
export class SpanLosses {
  readonly #report: (problem: string) => void;
  readonly #nowMs: () => number;
  #nextTellingMs = 0;
  /** Spans ended and not yet handed to the exporter. */
  queued = 0;
  lost = 0;

  constructor(report: (problem: string) => void, nowMs: () => number) {
    this.#report = report;
    this.#nowMs = nowMs;
  }

  add(spans: number, problem: string): void {
    this.lost += spans;
    if (this.#nowMs() < this.#nextTellingMs) return;
    this.#nextTellingMs = this.#nowMs() + TELL_EVERY_MS;
    this.#report(problem);
  }
}

/** Hands batches on and counts those that fail. */
export class CountingExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #losses: SpanLosses;

  constructor(inner: SpanExporter, losses: SpanLosses) {
    this.#inner = inner;
    this.#losses = losses;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#losses.queued -= spans.length;
    this.#inner.export(spans, (result) => {
      const { code, error } = result;
      if (code !== SUCCESS) this.#losses.add(spans.length, error?.message ?? 'export failed');
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#inner.forceFlush?.();
  }
}

/** Hands ended spans on while fewer than `most` wait. */
export class BoundedProcessor implements SpanProcessor {
  readonly #inner: SpanProcessor;
  readonly #losses: SpanLosses;
  readonly #most: number;

  constructor(inner: SpanProcessor, losses: SpanLosses, most: number) {
    this.#inner = inner;
    this.#losses = losses;
    this.#most = most;
  }

  onStart(...args: Parameters<SpanProcessor['onStart']>): void {
    this.#inner.onStart(...args);
  }

  onEnd(span: ReadableSpan): void {
    if (this.#losses.queued >= this.#most) {
      this.#losses.add(1, `more than ${this.#most} spans wait for the collector`);
      return;
    }
    this.#losses.queued += 1;
    this.#inner.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
