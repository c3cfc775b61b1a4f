/** Three-valued truth: what cannot be evaluated is `unknown`, and never helps a caller. */
export type Truth = 'true' | 'false' | 'unknown';

export const COMBINING = ['DENY_OVERRIDES', 'ALLOW_OVERRIDES', 'FIRST_APPLICABLE'] as const;
export type Combining = (typeof COMBINING)[number];

/** How one condition evaluated. */
export interface ConditionTrace {
  /** What it asks, in words. */
  readonly condition: string;
  /** The value that it saw; empty when missing. Never personal data. */
  readonly saw: string;
  readonly truth: Truth;
  /** Name of the fact that is missing, when `unknown`. */
  readonly missing?: string;
}

/** How one policy evaluated. */
export interface PolicyTrace {
  readonly policyId: string;
  readonly effect: 'allow' | 'deny';
  readonly applies: Truth;
  readonly decided: boolean;
  readonly conditions: readonly ConditionTrace[];
}

/** What the policies say together. */
export interface PolicyVerdict {
  readonly effect: 'allow' | 'deny';
  readonly combining: Combining;
  /** Policies that decided, in evaluation order; empty when none matched. */
  readonly deciding: readonly PolicyTrace[];
  /**
   * What the answer would be if the policies in shadow mode were enforced, and which of them would
   * decide; undefined when it would be the same.
   */
  readonly shadow?: PolicyShadow | undefined;
  /** Every policy considered, in evaluation order; empty unless a trace was asked for. */
  readonly considered: readonly PolicyTrace[];
  /** What the allowing policies ask of the caller. */
  readonly obligations: readonly PolicyVerdictObligation[];
}

export interface PolicyShadow {
  readonly effect: 'allow' | 'deny';
  readonly deciding: readonly PolicyTrace[];
}

export interface PolicyVerdictObligation {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Policy that asks for it. */
  readonly source: string;
}
