import { combine, type Answered } from './combine.ts';
import { compileCondition } from './conditions/compile.ts';
import type { PolicyFacts } from './facts.ts';
import type { Policy, PolicyDefinition } from './policy.ts';
import { PolicyIndex, type Placed } from './policy-index.ts';
import { allOf } from './truth.ts';
import type { Combining, ConditionTrace, PolicyTrace, PolicyVerdict } from './verdict.ts';

/**
 * All policies of one configuration revision, ready to be applied. Evaluation is pure and in memory
 * (R48).
 */
export interface PolicySet {
  readonly combining: Combining;
  /** Policies in force for a tenant, in evaluation order. */
  inForce(tenant: string): readonly Policy[];
  /**
   * @param trace which policies to list with their conditions: none, those that could apply by
   *   their agents, providers and environments, or all in force.
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
    .map((definition, place) => ({ place, definition, policy: compilePolicy(definition) }));
  const shelf = new TenantShelf(placed);
  return {
    combining,
    inForce: (tenant) => shelf.inForce(tenant).map(({ policy }) => policy),
    evaluate: (facts, trace) =>
      evaluate(
        trace === 'all' ? shelf.inForce(facts.tenant) : shelf.candidates(facts),
        combining,
        facts,
        trace !== 'none',
      ),
  };
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

/** Kinds of request whose candidates are kept; then all are looked for anew. */
const MAX_KEPT = 10_000;

/** Policies of all tenants and of each, indexed apart. */
class TenantShelf {
  readonly #common: readonly Placed[];
  readonly #own = new Map<string, Placed[]>();
  readonly #commonIndex: PolicyIndex;
  readonly #ownIndexes: ReadonlyMap<string, PolicyIndex>;
  /** By tenant and the facts that the index asks for. */
  readonly #kept = new Map<string, readonly Placed[]>();

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

  inForce(tenant: string): readonly Placed[] {
    const own = this.#own.get(tenant);
    return own ? inOrder([...this.#common, ...own]) : this.#common;
  }

  /** Those in force that can apply, in evaluation order. */
  candidates(facts: PolicyFacts): readonly Placed[] {
    const { tenant, agent, provider, environment } = facts;
    const kind = `${tenant}\n${agent}\n${provider}\n${environment}`;
    const kept = this.#kept.get(kind);
    if (kept) return kept;
    const own = this.#ownIndexes.get(tenant)?.candidates(facts) ?? [];
    const found = inOrder([...this.#commonIndex.candidates(facts), ...own]);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(kind, found);
    return found;
  }
}

function inOrder(placed: readonly Placed[]): readonly Placed[] {
  return placed.toSorted((a, b) => a.place - b.place);
}

function evaluate(
  placed: readonly Placed[],
  combining: Combining,
  facts: PolicyFacts,
  trace: boolean,
): PolicyVerdict {
  const all = placed.map(({ policy }) => ({
    policy,
    applies: allOf(policy.conditions, (condition) => condition.evaluate(facts)),
  }));
  const enforced = all.filter(({ policy }) => policy.shadow !== true);
  const { effect, deciding } = combine(combining, enforced);
  const traceOf = (answer: Answered): PolicyTrace => ({
    policyId: answer.policy.id,
    effect: answer.policy.effect,
    applies: answer.applies,
    decided: deciding.includes(answer),
    conditions: trace || answer.applies === 'unknown' ? traceConditions(answer.policy, facts) : [],
  });
  const shadow =
    enforced.length === all.length ? undefined : shadowOf(combining, all, effect, traceOf);
  return {
    effect,
    combining,
    deciding: deciding.map(traceOf),
    ...(shadow && { shadow }),
    considered: trace ? all.map(traceOf) : [],
    obligations: effect === 'allow' ? obligationsOf(deciding) : [],
  };
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
