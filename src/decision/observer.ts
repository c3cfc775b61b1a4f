import type { Decision } from './decision.ts';
import type { SettleOutcome } from './ports.ts';

/** Stages of a decision that are worth a span of their own. */
export type SpanName =
  'policy' | 'windows' | 'hold' | 'headroom' | 'settle' | 'correct' | 'refund' | 'record';

/**
 * What the pipeline tells whoever watches: traces, metrics, logs. Telling never fails and never
 * waits.
 */
export interface DecisionObserver {
  /** Runs a stage inside a span; answers what the stage answers. */
  stage<T>(name: SpanName, run: () => Promise<T>): Promise<T>;
  /** The same for a stage that asks nobody. */
  step<T>(name: SpanName, run: () => T): T;
  /** @param traceId of the request, for the log; without it, that of the span under way, if any. */
  decided(
    operation: 'authorize' | 'reserve' | 'extend',
    decision: Decision,
    tenant: string,
    agent: string,
    traceId?: string,
  ): void;
  settled(
    operation: 'commit' | 'release',
    outcome: SettleOutcome['kind'],
    overrunMicroUsd: bigint,
  ): void;
  /** What became of telling the windows that a call has ended. */
  windowsSettled(outcome: 'settled' | 'nothing' | 'unavailable'): void;
  /** An exemption lifted a limit. */
  exempted(exemptionId: string, limitId: string): void;
}

/** Watches nothing. */
export const silentObserver: DecisionObserver = {
  stage: (_name, run) => run(),
  step: (_name, run) => run(),
  decided: () => undefined,
  settled: () => undefined,
  windowsSettled: () => undefined,
  exempted: () => undefined,
};
