import type { Metric, Registry } from 'prom-client';

export interface Sample {
  /** When it is not the metric's own, as for the parts of a histogram. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric whose values are kept elsewhere and read when somebody scrapes. */
export interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly read: () => Iterable<Sample>;
}

/**
 * Puts a metric of ours beside the library's own. The library's counters hash their labels at every
 * increment, which costs more than many of the decisions that they would count; what a registry
 * asks of a metric is only its values.
 */
export function register(registry: Registry, { name, help, type, read }: Collected): void {
  const metric = {
    name,
    help,
    type,
    aggregator: 'sum',
    get: () => Promise.resolve({ name, help, type, aggregator: 'sum', values: [...read()] }),
    reset: () => undefined,
  };
  registry.registerMetric(metric as unknown as Metric);
}
