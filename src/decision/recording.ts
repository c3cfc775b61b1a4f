import { deniedIdOf, passingDecisionId } from '../lib/ids.ts';
import type { Decision } from './decision.ts';
import { denial } from './denial.ts';
import type { PipelineParts } from './parts.ts';
import type { DecisionRecord } from './record.ts';

/**
 * The id under which a decision without a hold is answered and recorded. What an outage shaped has
 * an id of its own, so that its record never stands for the request. A denial has an id beside that
 * of an allow, so that its record never stands in the place of what the same request gets later,
 * under another configuration or with money freed.
 */
export function identified(decision: Decision, final: boolean): Decision {
  if (!final) return { ...decision, decisionId: passingDecisionId() };
  if (decision.effect === 'allow') return decision;
  return { ...decision, decisionId: deniedIdOf(decision.decisionId) };
}

/**
 * Records a decision that holds nothing. What cannot be recorded is not allowed, unless the
 * recorder is told to go on without.
 * @returns the same decision when it was recorded, else a denial that says so
 */
export async function recordDecision(
  { recorder }: PipelineParts,
  record: DecisionRecord,
): Promise<Decision> {
  const kept = await recorder.record(record);
  if (kept === 'recorded' || kept === 'dropped') return record.decision;
  const message = 'The decision could not be recorded on this machine.';
  return denial(record.decision, [{ code: 'record.unavailable', message }]);
}
