import { evaluationOrder } from '../policy/policy.ts';
import { type Claim, type Demand, demandOf, type WrittenPolicy } from './claims.ts';
import type { ConfigurationDocument } from './document.ts';
import type { Warning } from './warning.ts';

/**
 * Each is compared with all before it, so more than these, in the order of evaluation, are not
 * looked at.
 */
const MAX_COMPARED = 1_000;

interface Ranked {
  readonly policy: WrittenPolicy;
  readonly index: number;
}

/**
 * Policies that never decide, where the first that applies decides: an earlier one asks for no more
 * than they do.
 */
export function shadowedPolicies({ policies }: ConfigurationDocument): readonly Warning[] {
  const ranked = policies
    .map((policy, index) => ({ policy, index }))
    .filter(({ policy }) => isEnforced(policy))
    .sort((a, b) => evaluationOrder(a.policy, b.policy));
  const wall = ranked.findIndex(({ policy }) => alwaysApplies(policy));
  const before = wall < 0 ? ranked : ranked.slice(0, wall + 1);
  const behind = wall < 0 ? [] : ranked.slice(wall + 1);
  return [...behindWall(ranked[wall], behind), ...covered(before.slice(0, MAX_COMPARED))];
}

export function isEnforced({ enabled, shadow }: WrittenPolicy): boolean {
  return enabled && !shadow;
}

export function alwaysApplies({ tenants, conditions }: WrittenPolicy): boolean {
  return tenants === undefined && conditions.length === 0;
}

function behindWall(wall: Ranked | undefined, behind: readonly Ranked[]): readonly Warning[] {
  if (!wall || behind.length === 0) return [];
  const ids = listed(behind.map(({ policy }) => policy.id));
  const message = `has no conditions, so that with FIRST_APPLICABLE these never decide: ${ids}`;
  return [{ path: ['policies', wall.index, 'id'], message }];
}

const MAX_LISTED = 5;

/** Ids as far as somebody reads them. */
export function listed(ids: readonly string[]): string {
  const more = ids.length - MAX_LISTED;
  const shown = ids.slice(0, MAX_LISTED).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function covered(ranked: readonly Ranked[]): readonly Warning[] {
  const asked = ranked.map(({ policy, index }) => {
    const demands = policy.conditions.map(demandOf);
    const claims = demands.flatMap((one) => (one.kind === 'claims' ? one.claims : []));
    const texts = new Set(demands.map((one) => (one.kind === 'text' ? keyOf(one) : '')));
    return { policy, index, demands, claims, texts };
  });
  return asked.flatMap(({ policy, index, claims, texts }, place): readonly Warning[] => {
    const meetsAll = (demands: readonly Demand[]): boolean =>
      demands.every((demand) =>
        demand.kind === 'text'
          ? texts.has(keyOf(demand))
          : demand.claims.every((wanted) => claims.some((one) => implies(one, wanted))),
      );
    const cover = asked
      .slice(0, place)
      .find((early) => holdsFor(early.policy, policy) && meetsAll(early.demands));
    if (!cover) return [];
    const { id, effect } = cover.policy;
    // An allow that cannot be evaluated is passed over, and a deny that cannot be decides.
    const but = effect === 'allow' && policy.effect === 'deny' ? ' but when a fact is missing' : '';
    const message = `never decides with FIRST_APPLICABLE${but}: "${id}" comes first and applies whenever this does`;
    return [{ path: ['policies', index, 'id'], message }];
  });
}

function keyOf({ text, negate }: Demand & { readonly kind: 'text' }): string {
  return `${negate} ${text}`;
}

function holdsFor(early: WrittenPolicy, late: WrittenPolicy): boolean {
  const { tenants } = early;
  if (tenants === undefined) return true;
  return late.tenants?.every((id) => tenants.includes(id)) ?? false;
}

/** Whether the second holds whenever the first does. */
function implies(one: Claim, wanted: Claim): boolean {
  if (one.fact !== wanted.fact || one.negate !== wanted.negate) return false;
  const [narrow, wide] = one.negate ? [wanted, one] : [one, wanted];
  return [...narrow.values].every((value) => wide.values.has(value));
}
