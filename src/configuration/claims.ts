import type { ConfigurationDocument } from './document.ts';

/** What conditions demand, taken apart so that two of them can be compared. */

export type WrittenPolicy = ConfigurationDocument['policies'][number];
export type WrittenCondition = WrittenPolicy['conditions'][number];

/** A fact is one of the values; negated, none of them. */
export interface Claim {
  /** For people, in the singular. */
  readonly fact: string;
  readonly values: ReadonlySet<string>;
  readonly negate: boolean;
  /** Whether a call has at most one of this fact. */
  readonly single: boolean;
}

/** One condition: its claims hold together, or it is known by its text alone. */
export type Demand =
  | { readonly kind: 'claims'; readonly claims: readonly Claim[] }
  | { readonly kind: 'text'; readonly text: string; readonly negate: boolean };

export function demandOf(condition: WrittenCondition): Demand {
  const { negate = false } = condition;
  const claims = listsOf(condition).map((list) => ({ ...list, negate }));
  // "Not (this team and that role)" says nothing of the team alone.
  const apart = claims.length === 1 || (claims.length > 1 && !negate);
  return apart ? { kind: 'claims', claims } : { kind: 'text', text: textOf(condition), negate };
}

type List = Omit<Claim, 'negate'>;

function listsOf(condition: WrittenCondition): readonly List[] {
  switch (condition.type) {
    case 'environment':
      return [caseless('environment', condition.environments)];
    case 'provider':
      return [caseless('provider', condition.providers)];
    case 'agent':
      return [caseless('agent', condition.agents)];
    case 'principal':
      return [
        ...given('tenant', condition.organizations),
        ...given('user', condition.users),
        ...given('team', condition.teams),
        ...given('role', condition.roles, false),
      ];
    case 'location':
      return [
        ...given('country', condition.countries),
        ...given('range of addresses', condition.ip_ranges, false),
      ];
    case 'data_classification':
      return [caseless('tag', condition.tags, false)];
    case 'attribute': {
      const values = new Set(condition.equals.map((value) => JSON.stringify(value)));
      return [{ fact: `value of attribute ${condition.name}`, values, single: true }];
    }
    default:
      return [];
  }
}

function given(fact: string, values: readonly string[] | undefined, single = true): List[] {
  return values ? [caseless(fact, values, single)] : [];
}

function caseless(fact: string, values: readonly string[], single = true): List {
  return { fact, values: new Set(values.map((value) => value.toLowerCase())), single };
}

/** The same for conditions that ask the same, whatever the order of their lists; without `negate`. */
export function textOf(condition: WrittenCondition): string {
  const { negate: _negate, ...asked } = condition;
  return JSON.stringify(inOrder(asked));
}

function inOrder(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) {
    return value.map((item) => JSON.stringify(inOrder(item))).sort();
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort().map(([key, inner]) => [key, inOrder(inner)]));
}

/** Whether a value may be one that the claim is about. */
export function meets(claim: Claim, value: string): boolean {
  return claim.values.has(value.toLowerCase()) !== claim.negate;
}
