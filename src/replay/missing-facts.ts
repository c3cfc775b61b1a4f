import type { DecisionRecord } from '../decision/record.ts';
import type { PolicyTrace } from '../policy/verdict.ts';

const NONE: readonly string[] = [];

/**
 * Facts that keep policies of a decision from an answer, each once, as `explain` names them, for
 * example "country" or "attributes.case".
 */
export function missingFacts(record: DecisionRecord | undefined): readonly string[] {
  const considered = record?.decision.explanation?.policy.considered;
  if (!considered?.some(isOpen)) return NONE;
  const names = considered
    .filter(isOpen)
    .flatMap(({ conditions }) => conditions.flatMap(({ missing = '' }) => missing.split(' and ')));
  return [...new Set(names)].filter(Boolean).sort();
}

function isOpen({ applies }: PolicyTrace): boolean {
  return applies === 'unknown';
}
