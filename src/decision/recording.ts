import { passingDecisionId } from '../lib/ids.ts';
import type { Decision } from './decision.ts';
import { denial } from './denial.ts';
import type { PipelineParts } from './parts.ts';
import type { DecisionRecord } from './record.ts';

/**
 * A decision that an outage shaped gets an id of its own, so that its record never stands for the
 * request.
 */
export function finalOrPassing(decision: Decision, final: boolean): Decision {
  return final ? decision : { ...decision, decisionId: passingDecisionId() };
}

/**
 * Records a decision that holds nothing. What cannot be recorded is not allowed.
 * @returns the same decision when it was recorded, else a denial that says so
 */
export async function recordDecision(
  { recorder }: PipelineParts,
  record: DecisionRecord,
): Promise<Decision> {
  const kept = await recorder.record(record);
  if (kept === 'recorded') return record.decision;
  const message = 'The decision could not be recorded on this machine.';
  return denial(record.decision, [{ code: 'record.unavailable', message }]);
}
