import { combine, type Answered } from './combine.ts';
import { compileCondition } from './conditions/compile.ts';
import type { PolicyFacts } from './facts.ts';
import type { Condition, Policy, PolicyDefinition } from './policy.ts';
import { stage, type Candidate } from './candidate.ts';
import { PolicyIndex, type Placed } from './policy-index.ts';
import { allOf } from './truth.ts';
import type { Combining, ConditionTrace, PolicyTrace, PolicyVerdict, Truth } from './verdict.ts';

/**
 * All policies of one configuration revision, ready to be applied. Evaluation is pure and in memory
 * (R48).
 */
export interface PolicySet {
  readonly combining: Combining;
  /** Policies in force for a tenant, in evaluation order. */
  inForce(tenant: string): readonly Policy[];
  /**
   * @param trace which policies to list with their conditions: none; those likely to matter: what
   *   applies or cannot be evaluated, and where nothing decided what could have by its agents,
   *   providers and environments; or all in force.
   */
  evaluate(facts: PolicyFacts, trace: PolicyTraceExtent): PolicyVerdict;
}

export type PolicyTraceExtent = 'none' | 'likely' | 'all';

export function compilePolicies(
  definitions: readonly PolicyDefinition[],
  combining: Combining,
): PolicySet {
  const placed = definitions
    .filter((definition) => definition.enabled)
    .sort(evaluationOrder)
    .map((definition, place) => {
      const policy = compilePolicy(definition);
      return { place, definition, policy, staged: stage(definition, policy) };
    });
  const shelf = new TenantShelf(placed);
  return {
    combining,
    inForce: (tenant) => shelf.inForce(tenant),
    evaluate: (facts, trace) =>
      evaluate(
        trace === 'all' ? shelf.inForce(facts.tenant).map(whole) : shelf.candidates(facts),
        combining,
        facts,
        trace,
      ),
  };
}

/** Nothing of it is settled yet. */
function whole(policy: Policy): Candidate {
  return { policy, base: 'true', conditions: policy.conditions };
}

/** Lower priority number first; ties: deny first, then id. */
function evaluationOrder(a: PolicyDefinition, b: PolicyDefinition): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.effect !== b.effect) return a.effect === 'deny' ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

function compilePolicy(definition: PolicyDefinition): Policy {
  const { id, name, effect, priority, obligations, shadow = false } = definition;
  const conditions = definition.conditions.map(compileCondition);
  return { id, name, effect, priority, obligations, shadow, conditions };
}

/** Candidates kept over all kinds of request, 8 bytes each; then all are looked for anew. */
const MAX_KEPT = 4_000_000;

/** Policies of all tenants and of each, indexed apart. */
class TenantShelf {
  readonly #common: readonly Placed[];
  readonly #own = new Map<string, Placed[]>();
  readonly #commonIndex: PolicyIndex;
  readonly #ownIndexes: ReadonlyMap<string, PolicyIndex>;
  /** By tenant, agent, provider and environment: requests that have these in common are a kind. */
  readonly #kept = new Map<string, readonly Candidate[]>();
  #keptCandidates = 0;

  constructor(placed: readonly Placed[]) {
    this.#common = placed.filter(({ definition }) => definition.tenants === undefined);
    for (const one of placed) {
      for (const tenant of new Set(one.definition.tenants)) {
        const known = this.#own.get(tenant);
        if (known) known.push(one);
        else this.#own.set(tenant, [one]);
      }
    }
    this.#commonIndex = new PolicyIndex(this.#common);
    this.#ownIndexes = new Map([...this.#own].map(([id, own]) => [id, new PolicyIndex(own)]));
  }

  inForce(tenant: string): readonly Policy[] {
    const own = this.#own.get(tenant);
    const all = own ? inOrder([...this.#common, ...own]) : this.#common;
    return all.map(({ policy }) => policy);
  }

  /** Those in force that can apply, in evaluation order. */
  candidates(facts: PolicyFacts): readonly Candidate[] {
    const { tenant, agent, provider, environment } = facts;
    const kind = `${tenant}\n${agent}\n${provider}\n${environment}`;
    const kept = this.#kept.get(kind);
    if (kept) return kept;
    const own = this.#ownIndexes.get(tenant)?.candidates(facts) ?? [];
    const found = inOrder([...this.#commonIndex.candidates(facts), ...own]);
    const candidates: Candidate[] = [];
    for (const { staged } of found) {
      const truth = allOf(staged.ofKind, (condition) => condition.evaluate(facts));
      if (truth !== 'false') candidates.push(staged[truth]);
    }
    this.#keep(kind, candidates);
    return candidates;
  }

  #keep(kind: string, candidates: readonly Candidate[]): void {
    this.#keptCandidates += candidates.length + 1;
    if (this.#keptCandidates > MAX_KEPT) {
      this.#kept.clear();
      this.#keptCandidates = candidates.length + 1;
    }
    this.#kept.set(kind, candidates);
  }
}

function inOrder(placed: readonly Placed[]): readonly Placed[] {
  return placed.toSorted((a, b) => a.place - b.place);
}

function evaluateAll(candidates: readonly Candidate[], facts: PolicyFacts): readonly Answered[] {
  const answers: Answered[] = [];
  const truthOf = (condition: Condition): Truth => condition.evaluate(facts);
  for (const { policy, base, conditions } of candidates) {
    const rest = conditions.length === 0 ? 'true' : allOf(conditions, truthOf);
    const applies = rest === 'true' ? base : rest;
    answers.push({ policy, applies });
  }
  return answers;
}

function evaluate(
  candidates: readonly Candidate[],
  combining: Combining,
  facts: PolicyFacts,
  trace: PolicyTraceExtent,
): PolicyVerdict {
  const all = evaluateAll(candidates, facts);
  const enforced = all.some(({ policy }) => policy.shadow) ? all.filter(isEnforced) : all;
  const { effect, deciding } = combine(combining, enforced);
  const traceOf = (answer: Answered): PolicyTrace => ({
    policyId: answer.policy.id,
    effect: answer.policy.effect,
    applies: answer.applies,
    decided: deciding.includes(answer),
    conditions:
      trace !== 'none' || answer.applies === 'unknown' ? traceConditions(answer.policy, facts) : [],
  });
  const shadow =
    enforced.length === all.length ? undefined : shadowOf(combining, all, effect, traceOf);
  return {
    effect,
    combining,
    deciding: deciding.map(traceOf),
    ...(shadow && { shadow }),
    considered: listed(all, deciding, trace).map(traceOf),
    obligations: effect === 'allow' ? obligationsOf(deciding) : [],
  };
}

/** A record names so many of the policies that were considered. */
const MAX_LIKELY = 64;

/**
 * Of likely policies those that apply or cannot be evaluated; where none decided, all of them,
 * because then the question is why none did.
 */
function listed(
  all: readonly Answered[],
  deciding: readonly Answered[],
  trace: PolicyTraceExtent,
): readonly Answered[] {
  if (trace === 'none') return [];
  if (trace === 'all') return all;
  const likely = deciding.length > 0 ? all.filter(({ applies }) => applies !== 'false') : all;
  return likely.slice(0, MAX_LIKELY);
}

function isEnforced({ policy }: Answered): boolean {
  return policy.shadow !== true;
}

/** What the policies in shadow mode would turn the answer into, if it would be another one. */
function shadowOf(
  combining: Combining,
  all: readonly Answered[],
  enforcedEffect: PolicyVerdict['effect'],
  traceOf: (answer: Answered) => PolicyTrace,
): PolicyVerdict['shadow'] {
  const { effect, deciding } = combine(combining, all);
  if (effect === enforcedEffect) return undefined;
  const own = deciding.filter(({ policy }) => policy.shadow);
  return { effect, deciding: own.map(traceOf) };
}

function obligationsOf(deciding: readonly Answered[]): PolicyVerdict['obligations'] {
  return deciding.flatMap(({ policy }) =>
    policy.obligations.map((obligation) => ({ ...obligation, source: policy.id })),
  );
}

function traceConditions(policy: Policy, facts: PolicyFacts): readonly ConditionTrace[] {
  return policy.conditions.map((condition) => {
    const truth = condition.evaluate(facts);
    const seen = { condition: condition.words, saw: condition.saw(facts), truth };
    const missing = (): string => condition.missing?.(facts) ?? condition.fact;
    return truth === 'unknown' ? { ...seen, missing: missing() } : seen;
  });
}
