import type { Effect } from '../decision/decision.ts';
import type { Reason } from '../decision/reasons.ts';

/** One decision on both sides. */
export interface ReplayedLine {
  readonly decidedAtMs: number;
  readonly tenant: string;
  readonly agent: string;
  readonly team: string;
  readonly operation: 'authorize' | 'reserve' | 'extend';
  readonly requestId: string;
  /** As it was recorded; in a trace, its row. */
  readonly id: string;
  readonly before: LineSide;
  readonly after: LineSide;
  readonly flip: Flip;
}

export interface LineSide {
  readonly effect: Effect;
  readonly reasons: readonly Reason[];
  /** Undefined when nobody estimated on this side. */
  readonly estimatedMicroUsd: bigint | undefined;
  /** Undefined where nobody knows. */
  readonly committedMicroUsd: bigint | undefined;
}

/** What the second side does to a decision of the first. */
export type Flip = '' | 'denied' | 'allowed';

/** A reason as lists name it: code, rule and scope, for example "budget.exceeded cap team:hr". */
export function reasonName({ code, rule = '', scope = '' }: Reason): string {
  if (rule === '') return code;
  return scope === '' ? `${code} ${rule}` : `${code} ${rule} ${scope}`;
}
