import type { AccountReading } from '../budgets/account.ts';
import type { WindowReading } from '../limits/counter.ts';
import type { PolicyVerdict } from '../policy/verdict.ts';
import type { Price } from '../pricing/price.ts';
import type { Reason } from './reasons.ts';

export type Effect = 'allow' | 'deny';

/** Something that the caller must do if it goes ahead. */
export interface Obligation {
  readonly name: string;
  /** Policy or budget that asks for it. */
  readonly source: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What an allow permits at most, and until when. */
export interface Grant {
  /** Undefined when no budget bounds it. */
  readonly maxCostMicroUsd: bigint | undefined;
  readonly maxOutputTokens: bigint | undefined;
  readonly expiresAtMs: number;
  /** Empty on answers to Reserve and Extend. */
  readonly token: string;
}

/** Whether one limit or budget took part. */
export interface RuleExplanation {
  readonly rule: string;
  readonly scope: string;
  /** "applies", "replaced by <id>" or "exempted by <id>". */
  readonly status: string;
}

export interface Explanation {
  readonly policy: PolicyVerdict;
  readonly limits: readonly RuleExplanation[];
  readonly budgets: readonly RuleExplanation[];
}

export interface WindowStatus extends WindowReading {
  /**
   * Units that this decision took and that a denial by money gives back; absent when it took none.
   */
  readonly taken?: number;
  /**
   * True when the store could not answer and the limit's outage policy decided; `remaining` is then
   * 0.
   */
  readonly outage: boolean;
}

export interface AccountStatus extends AccountReading {
  readonly outage: boolean;
}

/** One answer to one request. Translated at the edge, never changed. */
export interface Decision {
  readonly decisionId: string;
  readonly effect: Effect;
  readonly reasons: readonly Reason[];
  /** Tightest first. */
  readonly windows: readonly WindowStatus[];
  /** Tightest first. */
  readonly accounts: readonly AccountStatus[];
  readonly grant: Grant | undefined;
  readonly obligations: readonly Obligation[];
  readonly exemptions: readonly string[];
  readonly degraded: boolean;
  readonly price: Price | undefined;
  readonly explanation: Explanation | undefined;
  readonly configurationRevision: string;
  readonly decidedAtMs: number;
}
