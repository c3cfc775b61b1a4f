import {
  chooseNearest,
  compileMatch,
  nearnessOf,
  type Match,
  type Nearness,
} from '../scope/match.ts';
import { scopeText, type Scope, type ScopeFacts } from '../scope/scope.ts';
import { MAX_COUNT } from './bounds.ts';
import {
  isSettledLater,
  type Algorithm,
  type CounterSpec,
  type LimitUnit,
  type OutagePolicy,
  type WindowSpec,
} from './counter.ts';

/** A rate limit as it is configured. */
export interface LimitDefinition {
  readonly id: string;
  readonly scope: Scope;
  readonly match: Match;
  readonly unit: LimitUnit;
  readonly algorithm: Algorithm;
  /** At least one; any order. */
  readonly windows: readonly WindowSpec[];
  /** Windows for named tiers; a tier that is not named has `windows`. */
  readonly tiers: Readonly<Record<string, readonly WindowSpec[]>>;
  /** ≥ 1. Loosens windows; of a token bucket what it holds, not what leaks. */
  readonly burstMultiplier: number;
  readonly burstOn: 'shortest' | 'all';
  readonly onOutage: OutagePolicy;
  /** Share of the limit that one process admits by itself in an outage. */
  readonly localPerMille: number;
  /** Counted and told of, never enforced. */
  readonly shadow?: boolean;
}

/** Lifts limits for some callers, for good or until a moment. */
export interface Exemption {
  readonly id: string;
  readonly match: Match;
  /** Ids of the limits lifted; undefined means all. */
  readonly limits: readonly string[] | undefined;
  /** Undefined means for good. */
  readonly untilMs: number | undefined;
  readonly grantedBy: string;
  readonly reason: string;
}

export interface LimitUse {
  readonly rule: string;
  readonly scope: string;
  readonly status: string;
}

/** The counters that a call takes from, and what became of every limit that matched. */
export interface LimitSelection {
  readonly counters: readonly CounterSpec[];
  /** Counters of limits in shadow mode, each taken by itself. */
  readonly shadow: readonly CounterSpec[];
  readonly exempted: readonly {
    readonly limitId: string;
    readonly scope: string;
    readonly exemption: Exemption;
  }[];
  readonly uses: readonly LimitUse[];
}

/** All limits of one configuration revision, ready to be applied. */
export interface LimitSet {
  readonly definitions: readonly LimitDefinition[];
  /** Whether calls may take what is settled only when they end. */
  readonly settlesLater: boolean;
  /** Limits in shadow mode among them. */
  readonly settlesLaterInShadow: readonly string[];
  /**
   * @param tokens that the call is expected to use.
   * @param nowMs decides which exemptions are still in force.
   */
  select(facts: ScopeFacts, tokens: bigint, nowMs: number): LimitSelection;
}

interface CompiledLimit extends LimitDefinition {
  readonly nearness: Nearness;
  readonly matches: (facts: ScopeFacts) => boolean;
  readonly windowsOf: (tier: string) => readonly WindowSpec[];
}

interface CompiledExemption extends Exemption {
  readonly matches: (facts: ScopeFacts) => boolean;
}

const NOTHING: LimitSelection = { counters: [], shadow: [], exempted: [], uses: [] };

/** Takes in limits and exemptions one by one, so that ten thousand are not compiled in one go. */
export class LimitCollection {
  readonly #definitions: LimitDefinition[] = [];
  readonly #limits: CompiledLimit[] = [];
  readonly #lifted: CompiledExemption[] = [];

  add(definition: LimitDefinition): void {
    this.#definitions.push(definition);
    this.#limits.push(compileLimit(definition));
  }

  exempt(exemption: Exemption): void {
    this.#lifted.push({ ...exemption, matches: compileMatch(exemption.match) });
  }

  /** Of all that were taken in; none may be added afterwards. */
  done(): LimitSet {
    const definitions = Object.freeze(this.#definitions);
    const limits = this.#limits.sort((a, b) => (a.id < b.id ? -1 : 1));
    const lifted = this.#lifted;
    return {
      definitions,
      settlesLater: definitions.some(isSettledLater),
      settlesLaterInShadow: definitions
        .filter((one) => one.shadow && isSettledLater(one))
        .map(({ id }) => id),
      select: (facts, tokens, nowMs) =>
        limits.length === 0
          ? NOTHING
          : select(limits, inForce(lifted, facts, nowMs), facts, tokens),
    };
  }
}

function compileLimit(definition: LimitDefinition): CompiledLimit {
  const standard = withBurst(definition.windows, definition);
  const tiers = new Map(
    Object.entries(definition.tiers).map(([tier, windows]) => [
      tier,
      withBurst(windows, definition),
    ]),
  );
  return {
    ...definition,
    nearness: nearnessOf(definition.scope, definition.match, definition.unit),
    matches: compileMatch(definition.match),
    windowsOf: (tier) => tiers.get(tier) ?? standard,
  };
}

/**
 * Shortest first, and only the shortest is loosened unless all are: a burst must not multiply the
 * day (P13).
 */
function withBurst(
  windows: readonly WindowSpec[],
  { algorithm, burstMultiplier, burstOn }: LimitDefinition,
): readonly WindowSpec[] {
  return [...windows]
    .sort((a, b) => a.lengthMs - b.lengthMs)
    .map((window, index) => {
      if (burstOn === 'shortest' && index > 0) return window;
      if (algorithm !== 'token_bucket') {
        return { ...window, limit: loosened(window.limit, burstMultiplier) };
      }
      return { ...window, burst: window.burst ?? loosened(window.limit, burstMultiplier) };
    });
}

/** Thousandths are enough for a multiplier, and keep 100 × 1.15 at 115. */
function loosened(limit: number, multiplier: number): number {
  return Math.floor((limit * Math.round(multiplier * 1000)) / 1000);
}

function inForce(
  exemptions: readonly CompiledExemption[],
  facts: ScopeFacts,
  nowMs: number,
): readonly CompiledExemption[] {
  return exemptions.filter(
    (one) => (one.untilMs === undefined || nowMs < one.untilMs) && one.matches(facts),
  );
}

function select(
  limits: readonly CompiledLimit[],
  exemptions: readonly CompiledExemption[],
  facts: ScopeFacts,
  tokens: bigint,
): LimitSelection {
  const counters: CounterSpec[] = [];
  const shadow: CounterSpec[] = [];
  const exempted: LimitSelection['exempted'][number][] = [];
  const uses: LimitUse[] = [];
  const matching = limits.filter((one) => one.matches(facts));
  // A limit in shadow mode replaces none that is enforced.
  const chosen = [
    ...chooseNearest(matching.filter((one) => !one.shadow)),
    ...chooseNearest(matching.filter((one) => one.shadow)),
  ];
  for (const { definition, replacedBy } of chosen) {
    const scope = scopeText(definition.scope, facts);
    const exemption = exemptions.find((one) => one.limits?.includes(definition.id) ?? true);
    if (replacedBy !== undefined) {
      uses.push({ rule: definition.id, scope, status: `replaced by ${replacedBy}` });
    } else if (exemption) {
      exempted.push({ limitId: definition.id, scope, exemption });
      uses.push({ rule: definition.id, scope, status: `exempted by ${exemption.id}` });
    } else if (definition.shadow) {
      shadow.push(counterOf(definition, scope, facts.tier, tokens));
      uses.push({ rule: definition.id, scope, status: 'in shadow mode' });
    } else {
      counters.push(counterOf(definition, scope, facts.tier, tokens));
      uses.push({ rule: definition.id, scope, status: 'applies' });
    }
  }
  return { counters, shadow, exempted, uses };
}

function counterOf(limit: CompiledLimit, scope: string, tier: string, tokens: bigint): CounterSpec {
  return {
    limitId: limit.id,
    scope,
    crossTenant: limit.scope.length === 0,
    algorithm: limit.algorithm,
    windows: limit.windowsOf(tier),
    cost: limit.unit === 'tokens' ? tokenCost(tokens) : 1,
    unit: limit.unit,
    onOutage: limit.onOutage,
    localPerMille: limit.localPerMille,
  };
}

/**
 * A call that names no tokens still needs room for one. More than any limit is as good as the
 * largest count: it never fits.
 */
function tokenCost(tokens: bigint): number {
  if (tokens <= 0n) return 1;
  return tokens > BigInt(MAX_COUNT) ? MAX_COUNT : Number(tokens);
}
