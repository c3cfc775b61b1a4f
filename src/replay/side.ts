import type { Effect } from '../decision/decision.ts';
import type { Reason } from '../decision/reasons.ts';
import type { RecordedEnd } from '../decision/recorded-event.ts';
import type { AskedEvent, ExtendedEvent } from './replay-event.ts';

/** How one decision was answered, on one side of a comparison. */
export interface SideAnswer {
  readonly effect: Effect;
  readonly reasons: readonly Reason[];
  /** What it was expected to cost; undefined when nobody estimated. */
  readonly estimatedMicroUsd: bigint | undefined;
  /** What is charged for it by now; 0 while it is open. */
  readonly committedMicroUsd: bigint;
  /** A later event ends it. */
  readonly open: boolean;
  /** The request could not be decided at all; empty otherwise. */
  readonly refused: '' | 'unknown_tenant' | 'overloaded' | 'conflict' | 'stale_configuration';
  /** Facts that a policy asked for and that are not known, each once. */
  readonly lacks: readonly string[];
  /** Nobody knows what it used: its estimate is taken for it. */
  readonly assumed: boolean;
  /** It is charged by its tokens, because its estimate is priced otherwise than then. */
  readonly repriced: boolean;
}

/** One side of a comparison: what was recorded, or what a configuration decides. */
export interface Side {
  asked(event: AskedEvent): Promise<SideAnswer>;
  /** Undefined when this side has no such call. */
  extended(event: ExtendedEvent): Promise<SideAnswer | undefined>;
  /** What is charged for the call now, in micro-USD; undefined when this side has no such call. */
  ended(event: RecordedEnd): Promise<bigint | undefined>;
}

const NOTHING: readonly string[] = [];

/** An answer with the fields that are given. Field by field: there are two for every decision. */
export function sideAnswer(
  effect: Effect,
  reasons: readonly Reason[],
  more: Partial<SideAnswer> = {},
): SideAnswer {
  return {
    effect,
    reasons,
    estimatedMicroUsd: more.estimatedMicroUsd,
    committedMicroUsd: more.committedMicroUsd ?? 0n,
    open: more.open ?? false,
    refused: more.refused ?? '',
    lacks: more.lacks ?? NOTHING,
    assumed: more.assumed ?? false,
    repriced: more.repriced ?? false,
  };
}

export function callKey(tenant: string, reservationId: string): string {
  return `${tenant}\n${reservationId}`;
}
