import type { PolicyStage } from '../../decision/policy-stage.ts';
import type { PolicyVerdict } from '../../policy/verdict.ts';
import { explanationOf } from '../../server/write-explanation.ts';
import { explanationLines } from '../check/explanation-text.ts';

/** Policies of one explanation; of more, only those that may apply. */
const MAX_EXPLAINED = 50;

/** How an answer came about, as `tollgate check --explain` tells it. */
export function stageLines({ verdict, reasons }: PolicyStage): readonly string[] {
  if (!verdict) return reasons.map(({ message }) => message);
  const policy = shortened(verdict);
  const left = verdict.considered.length - policy.considered.length;
  return [
    ...explanationLines(explanationOf({ policy, limits: [], budgets: [] })),
    ...(left === 0 ? [] : [`and ${left} more, most of which do not apply`]),
  ];
}

function shortened(verdict: PolicyVerdict): PolicyVerdict {
  const { considered } = verdict;
  if (considered.length <= MAX_EXPLAINED) return verdict;
  const may = considered.filter(({ applies }) => applies !== 'false');
  return { ...verdict, considered: may.slice(0, MAX_EXPLAINED) };
}
