/**
 * Conditions as they are configured; `negate` turns the answer round and leaves `unknown` as it is.
 */
export type ConditionDefinition = { readonly negate?: boolean } & (
  | { readonly type: 'environment'; readonly environments: readonly string[] }
  | { readonly type: 'provider'; readonly providers: readonly string[] }
  | { readonly type: 'agent'; readonly agents: readonly string[] }
  | PrincipalCondition
  | { readonly type: 'data_classification'; readonly tags: readonly string[] }
  | { readonly type: 'attribute'; readonly name: string; readonly equals: AttributeValues }
);

/** At least one list; all lists that are given must contain the caller's value. */
export interface PrincipalCondition {
  readonly type: 'principal';
  readonly users?: readonly string[];
  readonly teams?: readonly string[];
  readonly roles?: readonly string[];
}

/** Values of which the attribute must equal one. */
export type AttributeValues = readonly (string | number | boolean)[];
