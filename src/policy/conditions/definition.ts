/**
 * Conditions as they are configured; `negate` turns the answer round and leaves `unknown` as it is.
 */
export type ConditionDefinition = PlainDefinition | AnyDefinition;

/** At least one of the conditions holds. */
export interface AnyDefinition {
  readonly type: 'any';
  readonly negate?: boolean;
  readonly conditions: readonly PlainDefinition[];
}

export type PlainDefinition = { readonly negate?: boolean } & (
  | { readonly type: 'environment'; readonly environments: readonly string[] }
  | { readonly type: 'provider'; readonly providers: readonly string[] }
  | { readonly type: 'agent'; readonly agents: readonly string[] }
  | PrincipalCondition
  | TimeWindowCondition
  | LocationCondition
  | EstimateCondition
  | { readonly type: 'data_classification'; readonly tags: readonly string[] }
  | { readonly type: 'attribute'; readonly name: string; readonly equals: AttributeValues }
  | { readonly type: 'cel'; readonly expression: string }
);

/** At least one list; all lists that are given must contain the caller's value. */
export interface PrincipalCondition {
  readonly type: 'principal';
  readonly organizations?: readonly string[];
  readonly users?: readonly string[];
  readonly teams?: readonly string[];
  readonly roles?: readonly string[];
}

/** The call comes within business hours, or within one of the maintenance windows; not both. */
export interface TimeWindowCondition {
  readonly type: 'time_window';
  readonly businessHours?: WeeklySpan;
  readonly maintenanceWindows?: readonly (WeeklySpan | MomentSpan)[];
}

/**
 * From start to before end on each of the days; past midnight when the end is not after the start.
 */
export interface WeeklySpan {
  readonly kind: 'weekly';
  /** 0 is Sunday: days on which the span starts. */
  readonly days: readonly number[];
  /** Minutes since midnight on the wall clock. */
  readonly startMinute: number;
  readonly endMinute: number;
  /** IANA name. */
  readonly timeZone: string;
}

export interface MomentSpan {
  readonly kind: 'once';
  readonly fromMs: number;
  /** The first moment after it. */
  readonly toMs: number;
}

/** At least one list; all that are given must hold. */
export interface LocationCondition {
  readonly type: 'location';
  /** ISO 3166-1 alpha-2, in capitals. */
  readonly countries?: readonly string[];
  /** CIDR notation, IPv4 or IPv6. */
  readonly ipRanges?: readonly string[];
}

/** What is asked for is above one of the amounts. */
export interface EstimateCondition {
  readonly type: 'estimate';
  readonly above: {
    readonly costMicroUsd?: bigint;
    readonly inputTokens?: bigint;
    readonly outputTokens?: bigint;
    readonly totalTokens?: bigint;
  };
}

/** Values of which the attribute must equal one. */
export type AttributeValues = readonly (string | number | boolean)[];
