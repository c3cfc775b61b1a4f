import type { Amounts } from '../budgets/amounts.ts';
import type { Call, CallUsage } from '../decision/call.ts';
import type { Effect } from '../decision/decision.ts';
import type { RecordedEnd } from '../decision/recorded-event.ts';
import type { Reason } from '../decision/reasons.ts';

/** What happens in a replay, in order. Times never need a clock: they are those of the events. */
export type ReplayEvent = AskedEvent | ExtendedEvent | RecordedEnd;

export interface AskedEvent {
  readonly kind: 'asked';
  readonly operation: 'authorize' | 'reserve';
  /** Of this one decision alone: its recorded id, or its row in a trace. */
  readonly id: string;
  readonly requestId: string;
  readonly call: Call;
  readonly decidedAtMs: number;
  /** When the ledger is asked. */
  readonly heldAtMs: number;
  readonly holdForMs: number;
  readonly acceptPartial: boolean;
  /** Id of the decision whose token was used; empty when none. */
  readonly authorizedBy: string;
  /** Under which later events name what was held then; empty when nothing was. */
  readonly reservationId: string;
  readonly before: RecordedAnswer | undefined;
  /** What the call uses where no later event tells; undefined means its estimate. */
  readonly usage: CallUsage | undefined;
}

/** How a decision was answered then. */
export interface RecordedAnswer {
  readonly effect: Effect;
  readonly reasons: readonly Reason[];
  /** Of the estimate, without the buffer; undefined where the caller gave the cost. */
  readonly baseMicroUsd: bigint | undefined;
  /** What its estimate was multiplied with, in thousandths. */
  readonly calibrationPerMille: bigint;
}

/** More was asked for an open call. */
export interface ExtendedEvent {
  readonly kind: 'extended';
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly agent: string;
  readonly decidedAtMs: number;
  readonly heldAtMs: number;
  readonly reservationId: string;
  readonly add: Amounts;
  readonly holdForMs: number | undefined;
  readonly before: RecordedAnswer;
}
