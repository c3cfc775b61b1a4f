import type { WrittenCondition, WrittenPolicy } from './claims.ts';
import { contradictions } from './contradictions.ts';
import type { ConfigurationDocument } from './document.ts';
import type { FieldPath } from './problem.ts';
import { alwaysApplies, isEnforced, listed, shadowedPolicies } from './shadowed.ts';
import type { Warning } from './warning.ts';

/**
 * Policies that are allowed and probably not meant.
 * @param nowMs decides which maintenance windows are over.
 */
export function policyWarnings(document: ConfigurationDocument, nowMs: number): readonly Warning[] {
  const { combining = 'DENY_OVERRIDES' } = document;
  const inOrder =
    combining === 'FIRST_APPLICABLE' ? [...shadowedPolicies(document), ...ties(document)] : [];
  return [
    ...unconditional(document, combining),
    ...inOrder,
    ...contradictions(document),
    ...document.policies.flatMap((policy, index) =>
      policy.enabled ? timeWarnings(policy, ['policies', index], nowMs) : [],
    ),
  ];
}

/** Policies without conditions, where another than the first in order may decide. */
function unconditional(
  { policies }: ConfigurationDocument,
  combining: NonNullable<ConfigurationDocument['combining']>,
): readonly Warning[] {
  if (combining === 'FIRST_APPLICABLE') return [];
  const narrowed = policies.filter(narrows).map(({ id }) => id);
  return policies.flatMap((policy, index): readonly Warning[] => {
    if (!isEnforced(policy) || !alwaysApplies(policy)) return [];
    const has = (message: string): readonly Warning[] => [
      { path: ['policies', index, 'id'], message: `has no conditions, so that ${message}` },
    ];
    if (combining === 'ALLOW_OVERRIDES') {
      return policy.effect === 'allow'
        ? has('with ALLOW_OVERRIDES no deny policy ever decides')
        : [];
    }
    if (policy.effect === 'deny') return has('with DENY_OVERRIDES every call is denied');
    return narrowed.length === 0
      ? []
      : has(`it allows what the conditions of these leave out: ${listed(narrowed)}`);
  });
}

/** An allow that asks nothing of the caller is there for its conditions alone. */
function narrows(policy: WrittenPolicy): boolean {
  const { effect, conditions, obligations } = policy;
  const bare = conditions.length > 0 && obligations.length === 0;
  return isEnforced(policy) && effect === 'allow' && bare;
}

/** Priority matters in FIRST_APPLICABLE alone; there, deny goes first in a tie. */
function ties({ policies }: ConfigurationDocument): readonly Warning[] {
  const first = new Map<string, string>();
  return policies.flatMap((policy, index): readonly Warning[] => {
    if (!isEnforced(policy)) return [];
    const { priority, effect, id } = policy;
    const otherEffect = effect === 'allow' ? 'deny' : 'allow';
    const other = first.get(`${priority} ${otherEffect}`);
    const own = `${priority} ${effect}`;
    if (!first.has(own)) first.set(own, id);
    if (other === undefined) return [];
    const message = `has the same priority as "${other}", which says ${otherEffect}; the deny goes first`;
    return [{ path: ['policies', index, 'priority'], message }];
  });
}

type TimeWindow = WrittenCondition & { readonly type: 'time_window' };

interface PlacedWindow {
  readonly window: TimeWindow;
  readonly path: FieldPath;
  /** With the negation of an `any` round it. */
  readonly negate: boolean;
}

function timeWarnings(policy: WrittenPolicy, path: FieldPath, nowMs: number): readonly Warning[] {
  return windowsOf(policy.conditions, [...path, 'conditions'], false).flatMap((placed) => [
    ...deniesWithin(policy, placed),
    ...overWindows(placed, nowMs),
  ]);
}

function windowsOf(
  conditions: readonly WrittenCondition[],
  path: FieldPath,
  turned: boolean,
): readonly PlacedWindow[] {
  return conditions.flatMap((condition, index): readonly PlacedWindow[] => {
    const negate = (condition.negate ?? false) !== turned;
    const here = [...path, index];
    if (condition.type === 'any') {
      return windowsOf(condition.conditions, [...here, 'conditions'], negate);
    }
    return condition.type === 'time_window' ? [{ window: condition, path: here, negate }] : [];
  });
}

/** Whoever writes business hours into a deny mostly means the hours outside them. */
function deniesWithin(
  { effect }: WrittenPolicy,
  { window, path, negate }: PlacedWindow,
): readonly Warning[] {
  if (effect !== 'deny' || window.business_hours === undefined || negate) return [];
  const message = 'denies WITHIN business hours; write negate: true to deny outside';
  return [{ path: [...path, 'business_hours'], message }];
}

function overWindows({ window, path, negate }: PlacedWindow, nowMs: number): readonly Warning[] {
  const { maintenance_windows: windows } = window;
  if (!windows?.every((span) => 'start' in span && span.end <= nowMs)) return [];
  const message = `every window is over, so that the condition ${negate ? 'always' : 'never'} holds`;
  return [{ path: [...path, 'maintenance_windows'], message }];
}
