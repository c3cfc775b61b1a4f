import { type Claim, demandOf, meets, textOf, type WrittenPolicy } from './claims.ts';
import { mayCall } from './compile.ts';
import type { ConfigurationDocument } from './document.ts';
import type { FieldPath } from './problem.ts';
import type { Warning } from './warning.ts';

/** Policies whose conditions no call can meet together. */
export function contradictions(document: ConfigurationDocument): readonly Warning[] {
  const callers = callersOf(document);
  return document.policies.flatMap((policy, index): readonly Warning[] => {
    if (!policy.enabled) return [];
    const path = ['policies', index] as const;
    const opposed = opposites(policy, path);
    if (opposed.length > 0) return opposed;
    const claims = claimsOf(policy, path);
    const empty = emptyFacts(claims);
    return empty.length > 0 ? empty : uncallable(callers, claims);
  });
}

interface PlacedClaim extends Claim {
  readonly path: FieldPath;
}

/** A condition and its negation. */
function opposites({ conditions }: WrittenPolicy, path: FieldPath): readonly Warning[] {
  if (!conditions.some(({ negate }) => negate)) return [];
  const seen = new Map<string, number>();
  return conditions.flatMap((condition, index): readonly Warning[] => {
    const text = textOf(condition);
    const { negate = false } = condition;
    const other = seen.get(`${!negate} ${text}`);
    seen.set(`${negate} ${text}`, index);
    if (other === undefined) return [];
    const message = `is the opposite of conditions[${other}], so that the policy never applies`;
    return [{ path: [...path, 'conditions', index], message }];
  });
}

function claimsOf({ tenants, conditions }: WrittenPolicy, path: FieldPath): PlacedClaim[] {
  const own = tenants && {
    fact: 'tenant',
    values: new Set(tenants.map((id) => id.toLowerCase())),
    negate: false,
    single: true,
    path: [...path, 'tenants'],
  };
  const asked = conditions.flatMap((condition, index) => {
    const demand = demandOf(condition);
    if (demand.kind === 'text') return [];
    return demand.claims.map((claim) => ({ ...claim, path: [...path, 'conditions', index] }));
  });
  return [...(own ? [own] : []), ...asked].filter(({ single }) => single);
}

/** Facts that a call has one of, and of which the conditions leave none. */
function emptyFacts(claims: readonly PlacedClaim[]): readonly Warning[] {
  const byFact = Map.groupBy(claims, ({ fact }) => fact);
  return [...byFact].flatMap(([fact, about]): readonly Warning[] => {
    const first = about.find(({ negate }) => !negate);
    const last = about.at(-1);
    if (!first || !last) return [];
    const left = [...first.values].some((value) =>
      about.every((claim) => claim.values.has(value) !== claim.negate),
    );
    if (left) return [];
    const message = `no ${fact} meets this and what else the policy asks of it, so that it never applies`;
    return [{ path: last.path, message }];
  });
}

type WrittenAgent = ConfigurationDocument['agents'][number];

interface Callers {
  readonly agent: WrittenAgent;
  /** Tenants that may call it. */
  readonly tenants: readonly string[];
}

/** Beyond these, who may call whom is not compared with policies. */
const MAX_PAIRS = 1_000_000;

/** Agents by id in small letters. */
function callersOf({ agents, tenants }: ConfigurationDocument): ReadonlyMap<string, Callers> {
  if (tenants.length === 0 || agents.length * tenants.length > MAX_PAIRS) return new Map();
  return new Map(
    agents.map((agent) => {
      const calling = tenants.filter((tenant) => mayCall(tenant, agent)).map(({ id }) => id);
      return [agent.id.toLowerCase(), { agent, tenants: calling }];
    }),
  );
}

/** Agents that are named, and of which none is of the right provider or open to the tenants. */
function uncallable(
  callers: ReadonlyMap<string, Callers>,
  claims: readonly PlacedClaim[],
): readonly Warning[] {
  const fits = (fact: string, value: string): boolean =>
    claims.every((claim) => claim.fact !== fact || meets(claim, value));
  const naming = claims.find(({ fact, negate }) => fact === 'agent' && !negate);
  if (!naming) return [];
  const named = [...naming.values].flatMap((id) =>
    fits('agent', id) ? (callers.get(id) ?? []) : [],
  );
  if (named.length === 0) return [];
  const ofProvider = named.filter(({ agent }) => fits('provider', agent.provider));
  const never = (what: string): readonly Warning[] => [
    { path: naming.path, message: `${what}, so that the policy never applies` },
  ];
  if (ofProvider.length === 0)
    return never('none of its agents is of a provider that is asked for');
  const open = ofProvider.some(({ tenants }) => tenants.some((id) => fits('tenant', id)));
  return open ? [] : never('no tenant that it holds for may call one of its agents');
}
