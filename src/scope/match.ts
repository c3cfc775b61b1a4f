import type { Scope, ScopeFacts } from './scope.ts';

/** Narrows a definition to some calls: every list that is given must contain the call's value. */
export interface Match {
  readonly organizations?: readonly string[];
  readonly teams?: readonly string[];
  readonly users?: readonly string[];
  readonly agents?: readonly string[];
  readonly providers?: readonly string[];
  readonly environments?: readonly string[];
  /** At least one of the caller's roles is listed. */
  readonly roles?: readonly string[];
  readonly tiers?: readonly string[];
}

const SINGLE = [
  ['organizations', 'organization'],
  ['teams', 'team'],
  ['users', 'user'],
  ['agents', 'agent'],
  ['providers', 'provider'],
  ['environments', 'environment'],
  ['tiers', 'tier'],
] as const;

/** Compiles a match into a test with set look-ups. */
export function compileMatch(match: Match): (facts: ScopeFacts) => boolean {
  const tests: ((facts: ScopeFacts) => boolean)[] = [];
  for (const [list, fact] of SINGLE) {
    const values = match[list];
    if (values) tests.push(oneOf(new Set(values), fact));
  }
  if (match.roles) {
    const roles = new Set(match.roles);
    tests.push((facts) => facts.roles.some((role) => roles.has(role)));
  }
  return (facts) => tests.every((test) => test(facts));
}

function oneOf(values: ReadonlySet<string>, fact: (typeof SINGLE)[number][1]) {
  return (facts: ScopeFacts): boolean => values.has(facts[fact]);
}

/**
 * How near a definition stands to the caller: its weight, and the family inside which the heaviest
 * wins.
 */
export interface Nearness {
  readonly weight: number;
  readonly family: string;
}

const POSITION_WEIGHT = { organizations: 1, teams: 2, users: 4, agents: 8, providers: 16 } as const;
const ALWAYS_POSITION = new Set(['organizations', 'teams', 'users']);

/**
 * Definitions of the same scope that differ only in *where* they stand form a family; the nearest
 * replaces the others (requirement R2, R22). Organization, team and user are always positions;
 * agent and provider are positions for a scope that counts them apart, and elsewhere filters: "5 a
 * minute for this agent" beside "100 a minute for the organization" are two limits, and both are
 * charged.
 */
export function nearnessOf(scope: Scope, match: Match, family: string): Nearness {
  let weight = 0;
  const filters: string[] = [];
  for (const key of Object.keys(match).sort() as (keyof Match)[]) {
    if (isPosition(key, scope)) weight += POSITION_WEIGHT[key as keyof typeof POSITION_WEIGHT];
    else filters.push(`${key}=${[...(match[key] ?? [])].sort().join(',')}`);
  }
  return { weight, family: [scope.join('+'), family, ...filters].join('|') };
}

function isPosition(key: keyof Match, scope: Scope): boolean {
  if (ALWAYS_POSITION.has(key)) return true;
  return (
    (key === 'agents' && scope.includes('agent')) ||
    (key === 'providers' && scope.includes('provider'))
  );
}

interface Placed {
  readonly id: string;
  readonly nearness: Nearness;
}

/** A definition that applies, or that a nearer one of its family replaced. */
export interface Chosen<T> {
  readonly definition: T;
  /** Id of the definition that replaced it; undefined when it applies. */
  readonly replacedBy: string | undefined;
}

/**
 * Keeps the nearest of every family. Definitions that are equally near all apply. Order is kept.
 */
export function chooseNearest<T extends Placed>(matching: readonly T[]): readonly Chosen<T>[] {
  const [only, ...others] = matching;
  if (only === undefined) return [];
  if (others.length === 0) return [{ definition: only, replacedBy: undefined }];
  const nearest = new Map<string, T>();
  for (const definition of matching) {
    const best = nearest.get(definition.nearness.family);
    if (!best || definition.nearness.weight > best.nearness.weight) {
      nearest.set(definition.nearness.family, definition);
    }
  }
  return matching.map((definition) => {
    const best = nearest.get(definition.nearness.family);
    const replaced = best !== undefined && best.nearness.weight > definition.nearness.weight;
    return { definition, replacedBy: replaced ? best.id : undefined };
  });
}
