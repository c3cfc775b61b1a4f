import { MAX_RULES_PER_CALL } from './bounds.ts';

interface Matching {
  readonly match: Readonly<Partial<Record<string, readonly string[] | undefined>>>;
}

/** Lists of a match of which a call has exactly one value. */
const SINGLE = [
  'organizations',
  'agents',
  'teams',
  'users',
  'providers',
  'environments',
  'tiers',
] as const;
type List = (typeof SINGLE)[number];

/**
 * Past this many splits the rules are taken to crowd: the answer must not cost more than the file.
 */
const MAX_SPLITS = 2000;

/**
 * Whether one call could meet more of these rules than a store takes in one round trip. Counts
 * rules whose matches can hold together; that a nearer one replaces another is not counted on.
 */
export function crowds(rules: readonly Matching[]): boolean {
  let splits = 0;
  const over = (left: readonly Matching[], lists: readonly List[]): boolean => {
    if (mostTogether(left, lists) <= MAX_RULES_PER_CALL) return false;
    const [list, ...rest] = lists;
    splits += 1;
    if (list === undefined || splits > MAX_SPLITS) return true;
    const open = left.filter(({ match }) => match[list] === undefined);
    const chosen = [[], ...byValue(left, list).values()];
    return chosen.some((some) => over([...open, ...some], rest));
  };
  return over(rules, SINGLE);
}

/**
 * Never less than what one call can meet: of the rules that a list narrows, those that share its
 * commonest value; each rule is counted under the first list that narrows it.
 */
function mostTogether(rules: readonly Matching[], lists: readonly List[]): number {
  let left = rules;
  let most = 0;
  for (const list of lists) {
    const sizes = [...byValue(left, list).values()].map((some) => some.length);
    most += sizes.reduce((largest, size) => Math.max(largest, size), 0);
    left = left.filter(({ match }) => match[list] === undefined);
  }
  return most + left.length;
}

function byValue(rules: readonly Matching[], list: List): ReadonlyMap<string, Matching[]> {
  const groups = new Map<string, Matching[]>();
  for (const rule of rules) {
    for (const value of new Set(rule.match[list])) {
      const group = groups.get(value);
      if (group) group.push(rule);
      else groups.set(value, [rule]);
    }
  }
  return groups;
}
