import type { Logger } from 'pino';
import type { Decision } from '../decision/decision.ts';
import type { DecisionObserver, SpanName } from '../decision/observer.ts';
import type { SettleOutcome } from '../decision/ports.ts';
import { isAdvice, type Reason } from '../decision/reasons.ts';
import type { DecidingOperation, DecisionCounts } from './decision-counts.ts';
import type { Tracing } from './tracing.ts';

const MS_PER_S = 1000;

/** Longest list of reasons in a log line. */
const MAX_REASONS = 16;

/** Watches decisions for the metrics, the traces and the log at once. */
export class TelemetryObserver implements DecisionObserver {
  readonly #logger: Logger;
  readonly #counts: DecisionCounts;
  readonly #tracing: Tracing;

  constructor(logger: Logger, counts: DecisionCounts, tracing: Tracing) {
    this.#logger = logger;
    this.#counts = counts;
    this.#tracing = tracing;
  }

  async stage<T>(name: SpanName, run: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await this.#tracing.stage(name, run);
    } finally {
      this.#counts.staged(name, (performance.now() - startMs) / MS_PER_S);
    }
  }

  step<T>(name: SpanName, run: () => T): T {
    const startMs = performance.now();
    try {
      return this.#tracing.step(name, run);
    } finally {
      this.#counts.staged(name, (performance.now() - startMs) / MS_PER_S);
    }
  }

  decided(
    operation: DecidingOperation,
    decision: Decision,
    tenant: string,
    agent: string,
    traceId?: string,
  ): void {
    this.#counts.decided(operation, decision, tenant);
    this.#tracing.decided(operation, decision, tenant, agent);
    const level = decision.effect === 'deny' ? 'info' : 'debug';
    if (!this.#logger.isLevelEnabled(level)) return;
    const trace = traceId ?? this.#tracing.traceId();
    this.#logger[level](
      {
        operation,
        decision: decision.decisionId,
        trace,
        tenant,
        agent,
        reasons: said(decision.reasons),
        revision: decision.configurationRevision,
      },
      decision.effect === 'deny' ? 'denied' : 'allowed',
    );
  }

  settled(
    operation: 'commit' | 'release',
    outcome: SettleOutcome['kind'],
    overrunMicroUsd: bigint,
  ): void {
    this.#counts.settled(operation, outcome, overrunMicroUsd);
  }

  windowsSettled(outcome: 'settled' | 'nothing' | 'unavailable'): void {
    this.#counts.windowsSettled(outcome);
  }

  exempted(exemptionId: string, limitId: string): void {
    this.#counts.exempted(exemptionId, limitId);
    this.#logger.info({ exemption: exemptionId, limit: limitId }, 'exemption used');
  }
}

/**
 * Codes and rules; a reason's scope and message may name a user, so they are in the record only.
 */
function said(reasons: readonly Reason[]): readonly { code: string; rule?: string }[] {
  const deciding = reasons.filter((reason) => !isAdvice(reason));
  const told = deciding.length > 0 ? deciding : reasons;
  return told
    .slice(0, MAX_REASONS)
    .map(({ code, rule }) => (rule === undefined ? { code } : { code, rule }));
}
