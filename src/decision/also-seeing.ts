import type { Decision } from './decision.ts';
import type { DecisionObserver } from './observer.ts';

/** An observer that shows every decision to somebody else as well. `see` must not wait or fail. */
export function alsoSeeing(
  observer: DecisionObserver,
  see: (decision: Decision, tenant: string) => void,
): DecisionObserver {
  return {
    stage: (name, run) => observer.stage(name, run),
    step: (name, run) => observer.step(name, run),
    decided: (operation, decision, tenant, agent, traceId) => {
      see(decision, tenant);
      observer.decided(operation, decision, tenant, agent, traceId);
    },
    settled: (operation, outcome, overrunMicroUsd) =>
      observer.settled(operation, outcome, overrunMicroUsd),
    windowsSettled: (outcome) => observer.windowsSettled(outcome),
    exempted: (exemptionId, limitId) => observer.exempted(exemptionId, limitId),
  };
}
