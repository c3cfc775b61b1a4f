import type { DecisionCounts } from './decision-counts.ts';
import type { TraceHeaders } from './trace-context.ts';
import type { Tracing } from './tracing.ts';

const MS_PER_S = 1000;

/** Puts a span and a stopwatch round every request of the gRPC edge. */
export class TimedRequests {
  readonly #tracing: Tracing;
  readonly #counts: DecisionCounts;
  /**
   * "/tollgate.v1.DecisionService/Reserve" is operation "reserve"; there are as many as methods are
   * served.
   */
  readonly #operations = new Map<string, string>();

  constructor(tracing: Tracing, counts: DecisionCounts) {
    this.#tracing = tracing;
    this.#counts = counts;
  }

  /**
   * @param method full gRPC method of a service that we serve.
   * @param handler is told the trace id: 32 lower-case hex digits, or empty when there is none.
   */
  async run<T>(
    method: string,
    headers: TraceHeaders,
    handler: (traceId: string) => Promise<T>,
  ): Promise<T> {
    const startMs = performance.now();
    try {
      return await this.#tracing.request(method, headers, handler);
    } finally {
      const seconds = (performance.now() - startMs) / MS_PER_S;
      this.#counts.requests.at(this.#operationOf(method)).observe(seconds);
    }
  }

  #operationOf(method: string): string {
    const known = this.#operations.get(method);
    if (known !== undefined) return known;
    const call = method.slice(method.lastIndexOf('/') + 1);
    const operation = call.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase();
    this.#operations.set(method, operation);
    return operation;
  }
}
