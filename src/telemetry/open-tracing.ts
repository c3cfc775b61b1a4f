import { tracingOff, type Tracing, type TracingSettings } from './tracing.ts';

/**
 * Starts tracing when there is somewhere to send traces to. The SDK is loaded only then: it costs
 * as much memory and start-up time as the rest of the telemetry together.
 * @param reportLoss is told why spans were lost, at most once a minute.
 */
export async function openTracing(
  settings: TracingSettings,
  reportLoss: (problem: string) => void,
): Promise<Tracing> {
  const { tracesUrl } = settings;
  if (tracesUrl === undefined) return tracingOff;
  const { openOtlpTracing } = await import('./otlp-tracing.ts');
  return openOtlpTracing({ ...settings, tracesUrl }, reportLoss);
}
