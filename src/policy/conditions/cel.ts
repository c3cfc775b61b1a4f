import { EvaluationError } from '@marcbachmann/cel-js';

import type { PolicyFacts } from '../facts.ts';
import type { Condition } from '../policy.ts';
import type { Truth } from '../verdict.ts';
import { parseCel, type CelContext, type CelVariable } from './cel-expression.ts';

/** Facts that may lead to a person, or hold a secret, are used and not shown. */
const HIDDEN = new Set<CelVariable>(['source_ip', 'user', 'attributes']);
const MAX_SHOWN = 80;
/** Errors of the library about something that is not there. */
const MISSING = new Set(['unknown_variable', 'no_such_key', 'index_out_of_bounds']);

/**
 * A condition in CEL. An error is `unknown`: a fact that is missing, of another type than the
 * expression asks for, or a number that overflows; unless the rest settles the answer, as in
 * `country == "DE" || "admin" in roles`.
 * @throws RangeError for an expression that configuration would have refused.
 */
export function cel(expression: string): Condition {
  const parsed = parseCel(expression);
  if ('problem' in parsed) throw new RangeError(`${expression} ${parsed.problem}`);
  const { variables, evaluate } = parsed.ok;
  const problemOf = (facts: PolicyFacts): unknown => {
    try {
      evaluate(contextOf(facts, variables));
      return undefined;
    } catch (error) {
      return error;
    }
  };
  return {
    words: `cel ${expression}`,
    fact: variables.join(' and '),
    missing: (facts) => missingIn(expression, problemOf(facts)),
    evaluate(facts): Truth {
      try {
        const answer = evaluate(contextOf(facts, variables));
        if (answer === true) return 'true';
        return answer === false ? 'false' : 'unknown';
      } catch {
        return 'unknown';
      }
    },
    saw: (facts) => variables.map((name) => shown(name, facts)).join(', '),
  };
}

/**
 * What an error of the library names, as it is written in the expression; else what went wrong. Of
 * that only what names types is told whole: after a colon the library repeats the caller's values.
 */
function missingIn(expression: string, error: unknown): string {
  if (!(error instanceof EvaluationError)) return 'it cannot be evaluated';
  const { code, node, summary } = error;
  if (MISSING.has(code) && node) {
    return expression.slice(node.start, node.end).slice(0, MAX_SHOWN);
  }
  return summary.startsWith('no such overload') ? summary : (summary.split(':')[0] ?? '');
}

const READ: Readonly<Record<CelVariable, (facts: PolicyFacts) => unknown>> = {
  tenant: (facts) => known(facts.tenant),
  agent: (facts) => known(facts.agent),
  provider: (facts) => known(facts.provider),
  environment: (facts) => known(facts.environment),
  user: (facts) => known(facts.user),
  team: (facts) => known(facts.team),
  roles: (facts) => knownList(facts.roles),
  country: (facts) => known(facts.country)?.toUpperCase(),
  source_ip: (facts) => known(facts.sourceIp),
  data_classification: (facts) => knownList(facts.dataClassification),
  attributes: (facts) => facts.attributes,
  cost_usd: (facts) => Number(facts.costMicroUsd) / MICRO_USD,
  input_tokens: (facts) => knownTokens(facts, facts.inputTokens),
  output_tokens: (facts) => knownTokens(facts, facts.outputTokens),
  now: (facts) => new Date(facts.nowMs),
};

/** For comparing, not for charging: a double is exact enough for that. */
const MICRO_USD = 1_000_000;

function contextOf(facts: PolicyFacts, variables: readonly CelVariable[]): CelContext {
  const context: Partial<Record<CelVariable, unknown>> = {};
  for (const name of variables) {
    const value = READ[name](facts);
    if (value !== undefined) context[name] = value;
  }
  return context;
}

function known(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function knownList(list: readonly string[]): readonly string[] | undefined {
  return list.length === 0 ? undefined : list;
}

function knownTokens(facts: PolicyFacts, tokens: bigint): bigint | undefined {
  return facts.inputTokens + facts.outputTokens === 0n ? undefined : tokens;
}

function shown(name: CelVariable, facts: PolicyFacts): string {
  const value = READ[name](facts);
  if (value === undefined) return `${name} is missing`;
  if (HIDDEN.has(name)) return `${name} is known`;
  const text = typeof value === 'string' ? value : textOf(value);
  return `${name} ${text.slice(0, MAX_SHOWN)}`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  );
}
