/** What limits and budgets can be kept apart by, outermost first. */
export const DIMENSIONS = ['organization', 'team', 'user', 'agent', 'provider'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/**
 * What one counter or account stands for: one entity per value of its dimensions. No dimension at
 * all means one entity for everybody, across tenants ("global").
 */
export type Scope = readonly Dimension[];

/** The facts of a call that scopes and matches look at. Empty text means unknown. */
export interface ScopeFacts {
  readonly organization: string;
  readonly team: string;
  readonly user: string;
  readonly agent: string;
  readonly provider: string;
  readonly environment: string;
  readonly roles: readonly string[];
  /** Tier of the caller, as the configuration assigns it; never what a caller says of itself. */
  readonly tier: string;
}

/**
 * Names the entity of a scope, for example "team:hr/agent:copilot". Inside an organization the
 * organization itself is not repeated. An unknown value is kept as it is ("user:"), so that leaving
 * a fact out never escapes a limit: all such calls share one entity.
 */
export function scopeText(scope: Scope, facts: ScopeFacts): string {
  if (scope.length === 0) return 'global';
  const inner =
    scope.length > 1 ? scope.filter((dimension) => dimension !== 'organization') : scope;
  return inner.map((dimension) => `${dimension}:${facts[dimension]}`).join('/');
}
