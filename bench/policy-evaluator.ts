import { compilePolicies, type PolicyTraceExtent } from '../src/policy/policy-set.ts';
import { quantile } from './load.ts';
import { policyMix, requestMix } from './policy-mix.ts';
import { obeyOrders } from './worker.ts';

export interface EvaluateOrder {
  readonly count: number;
  readonly trace: PolicyTraceExtent;
  readonly evaluations: number;
}

export interface EvaluateResult {
  readonly p50Us: number;
  readonly p99Us: number;
  /** Share of the requests: one that allows or denies everything measures nothing. */
  readonly allowed: number;
}

const REQUESTS = requestMix(20_000);

/** Evaluates for one request after the other, half of them to warm up, and times each. */
async function evaluate({ count, trace, evaluations }: EvaluateOrder): Promise<EvaluateResult> {
  const set = compilePolicies(policyMix(count), 'DENY_OVERRIDES');
  const takenUs = new Float64Array(evaluations);
  let allowed = 0;
  for (let turn = -evaluations; turn < evaluations; turn++) {
    const facts = REQUESTS[(turn + evaluations) % REQUESTS.length]!;
    const startedMs = performance.now();
    const { effect } = set.evaluate(facts, trace);
    const tookMs = performance.now() - startedMs;
    if (turn < 0) continue;
    takenUs[turn] = tookMs * 1000;
    if (effect === 'allow') allowed += 1;
  }
  const ascending = [...takenUs.sort()];
  return {
    p50Us: quantile(ascending, 0.5),
    p99Us: quantile(ascending, 0.99),
    allowed: allowed / evaluations,
  };
}

obeyOrders(evaluate);
