import type { Loaded } from '../../configuration/load.ts';
import type { PolicyTrace, PolicyVerdict } from '../../policy/verdict.ts';

/** What the tests of one configuration made of its policies. */
export interface Coverage {
  readonly configuration: string;
  /** Enabled ones. */
  readonly policies: number;
  /** Were looked at, and had their conditions evaluated. */
  readonly considered: number;
  /** Decided an answer; one in shadow mode, would have. */
  readonly decided: number;
  /** Of enabled policies; one of the type `any` counts as one. */
  readonly conditions: number;
  /** Were true in one test and false in another. */
  readonly both: number;
  /** Policies by id. */
  readonly neverDecided: readonly string[];
  readonly neverTrue: readonly CoveredCondition[];
  readonly neverFalse: readonly CoveredCondition[];
}

export interface CoveredCondition {
  readonly policy: string;
  /** In words. */
  readonly condition: string;
}

interface SeenCondition {
  readonly words: string;
  wasTrue: boolean;
  wasFalse: boolean;
}

interface SeenPolicy {
  readonly id: string;
  readonly conditions: readonly SeenCondition[];
  considered: boolean;
  decided: boolean;
}

/** Collects what verdicts show of the policies of one configuration. */
export class CoverageBook {
  readonly #policies: ReadonlyMap<string, SeenPolicy>;

  constructor({ snapshot, document }: Loaded) {
    const policies = new Map<string, SeenPolicy>();
    const words = new Map(
      [...snapshot.tenants.keys()]
        .flatMap((tenant) => snapshot.policies.inForce(tenant))
        .map(({ id, conditions }) => [id, conditions.map((one) => one.words)]),
    );
    for (const { id, enabled } of document.policies) {
      if (!enabled) continue;
      const conditions = (words.get(id) ?? []).map((text) => ({
        words: text,
        wasTrue: false,
        wasFalse: false,
      }));
      policies.set(id, { id, conditions, considered: false, decided: false });
    }
    this.#policies = policies;
  }

  /** @param verdict one with a trace. */
  see({ considered, shadow }: PolicyVerdict): void {
    for (const trace of considered) this.#seePolicy(trace);
    for (const { policyId } of shadow?.deciding ?? []) {
      const policy = this.#policies.get(policyId);
      if (policy) policy.decided = true;
    }
  }

  #seePolicy({ policyId, decided, conditions }: PolicyTrace): void {
    const policy = this.#policies.get(policyId);
    if (!policy) return;
    policy.considered = true;
    policy.decided ||= decided;
    for (const [index, { truth }] of conditions.entries()) {
      const seen = policy.conditions[index];
      if (!seen) continue;
      seen.wasTrue ||= truth === 'true';
      seen.wasFalse ||= truth === 'false';
    }
  }

  coverageOf(configuration: string): Coverage {
    const policies = [...this.#policies.values()];
    const conditions = policies.flatMap((policy) =>
      policy.conditions.map((seen) => ({ policy: policy.id, seen })),
    );
    const never = (was: 'wasTrue' | 'wasFalse'): readonly CoveredCondition[] =>
      conditions
        .filter(({ seen }) => !seen[was])
        .map(({ policy, seen }) => ({ policy, condition: seen.words }));
    return {
      configuration,
      policies: policies.length,
      considered: policies.filter((policy) => policy.considered).length,
      decided: policies.filter((policy) => policy.decided).length,
      conditions: conditions.length,
      both: conditions.filter(({ seen }) => seen.wasTrue && seen.wasFalse).length,
      neverDecided: policies.filter((policy) => !policy.decided).map(({ id }) => id),
      neverTrue: never('wasTrue'),
      neverFalse: never('wasFalse'),
    };
  }
}

export interface CoverageTotals {
  readonly policiesPercent: number;
  readonly conditionsPercent: number;
}

/** Over all configurations. Rounded down, so that 100 means all. */
export function totalsOf(all: readonly Coverage[]): CoverageTotals {
  const sum = (count: (one: Coverage) => number): number =>
    all.reduce((total, one) => total + count(one), 0);
  return {
    policiesPercent: percentOf(
      sum(({ decided }) => decided),
      sum(({ policies }) => policies),
    ),
    conditionsPercent: percentOf(
      sum(({ both }) => both),
      sum(({ conditions }) => conditions),
    ),
  };
}

/** Of nothing, everything is covered. */
export function percentOf(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.floor((100 * part) / whole);
}
