import { attributesIn, type AskedAttributes } from './asked-attributes.ts';
import { combine, type Answered } from './combine.ts';
import { compileCondition } from './conditions/compile.ts';
import type { PolicyFacts } from './facts.ts';
import type { ConditionDefinition } from './conditions/definition.ts';
import { evaluationOrder, type Condition, type Policy, type PolicyDefinition } from './policy.ts';
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
  /** Attributes that any policy in force asks for. */
  readonly attributes: AskedAttributes;
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
  const collection = new PolicyCollection();
  for (const definition of definitions.toSorted(evaluationOrder)) collection.add(definition);
  return collection.done(combining);
}

/** Takes in policies one by one, so that ten thousand need not be compiled in one go. */
export class PolicyCollection {
  readonly #shelf = new TenantShelf();
  /** A definition that several policies share is compiled once. */
  readonly #conditions = new Map<ConditionDefinition, Condition>();
  readonly #attributes = new Set<string>();
  #anyAttribute = false;
  #place = 0;

  /** In evaluation order. One that is not enabled is left out. */
  add(definition: PolicyDefinition): void {
    if (!definition.enabled) return;
    const { id, name, effect, priority, obligations, shadow = false } = definition;
    const conditions = definition.conditions.map((one) => this.#compiled(one));
    const policy = { id, name, effect, priority, obligations, shadow, conditions };
    const staged = stage(definition, policy);
    this.#shelf.add(definition, { place: this.#place++, staged });
  }

  #compiled(definition: ConditionDefinition): Condition {
    const known = this.#conditions.get(definition);
    if (known) return known;
    const condition = compileCondition(definition);
    this.#conditions.set(definition, condition);
    const asked = attributesIn(definition);
    if (asked) for (const name of asked) this.#attributes.add(name);
    else this.#anyAttribute = true;
    return condition;
  }

  /** Of all that were taken in; none may be added afterwards. */
  done(combining: Combining): PolicySet {
    const shelf = this.#shelf;
    return {
      combining,
      attributes: this.#anyAttribute ? undefined : this.#attributes,
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
}

/** Nothing of it is settled yet. */
function whole(policy: Policy): Candidate {
  return { policy, base: 'true', conditions: policy.conditions };
}

/** Candidates kept over all kinds of request, 8 bytes each; then all are looked for anew. */
const MAX_KEPT = 4_000_000;

/** Policies of all tenants, or of one. */
class Shelf {
  readonly all: Placed[] = [];
  readonly index = new PolicyIndex();

  add(definition: PolicyDefinition, placed: Placed): void {
    this.all.push(placed);
    this.index.add(definition, placed);
  }
}

/** Policies of all tenants and of each, indexed apart. */
class TenantShelf {
  readonly #common = new Shelf();
  readonly #own = new Map<string, Shelf>();
  /** By tenant, agent, provider and environment: requests that have these in common are a kind. */
  readonly #kept = new Map<string, readonly Candidate[]>();
  #keptCandidates = 0;

  /** @param placed after all that were added before. */
  add(definition: PolicyDefinition, placed: Placed): void {
    if (definition.tenants === undefined) this.#common.add(definition, placed);
    for (const tenant of new Set(definition.tenants)) {
      let shelf = this.#own.get(tenant);
      if (!shelf) this.#own.set(tenant, (shelf = new Shelf()));
      shelf.add(definition, placed);
    }
  }

  inForce(tenant: string): readonly Policy[] {
    const own = this.#own.get(tenant);
    const common = this.#common.all;
    const all = own ? inOrder([...common, ...own.all]) : common;
    return all.map(({ staged }) => staged.whenTrue.policy);
  }

  /** Those in force that can apply, in evaluation order. */
  candidates(facts: PolicyFacts): readonly Candidate[] {
    const { tenant, agent, provider, environment } = facts;
    const kind = `${tenant}\n${agent}\n${provider}\n${environment}`;
    const kept = this.#kept.get(kind);
    if (kept) return kept;
    const own = this.#own.get(tenant)?.index.candidates(facts) ?? [];
    const found = inOrder([...this.#common.index.candidates(facts), ...own]);
    const candidates: Candidate[] = [];
    for (const { staged } of found) {
      const { ofKind, whenTrue } = staged;
      const truth = allOf(ofKind, (condition) => condition.evaluate(facts));
      if (truth === 'true') candidates.push(whenTrue);
      else if (truth === 'unknown') candidates.push({ ...whenTrue, base: truth });
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
