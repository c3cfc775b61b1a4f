import type { Call } from '../../decision/call.ts';
import * as wire from '../../gen/tollgate/v1/call.ts';
import type { FieldPath } from '../../configuration/problem.ts';
import type { Violation } from '../../server/fields.ts';
import { readCall } from '../../server/read-call.ts';
import type { WrittenCall } from './suite-document.ts';

/** The call of a test, or what the server would refuse it for. */
export type SuiteCall =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'refused'; readonly violations: readonly CallViolation[] };

export interface CallViolation {
  /** Inside the call as a suite writes it. */
  readonly path: FieldPath;
  readonly message: string;
}

/**
 * What a test says of its call over what the suite says of all, read as the server reads the same
 * call: a test and a sidecar decide about the same facts.
 */
export function suiteCall(defaults: WrittenCall, own: WrittenCall): SuiteCall {
  const found: Violation[] = [];
  const read = readCall(found, wireCall(merged(defaults, own)));
  if (found.length > 0 || read === undefined) {
    return { kind: 'refused', violations: found.map(callViolation) };
  }
  return { kind: 'call', call: read.call };
}

/** Field by field; a list replaces a list. */
function merged(defaults: WrittenCall, own: WrittenCall): WrittenCall {
  return {
    ...defaults,
    ...own,
    principal: { ...defaults.principal, ...own.principal },
    origin: { ...defaults.origin, ...own.origin },
    attributes: { ...defaults.attributes, ...own.attributes },
    estimate: { ...defaults.estimate, ...own.estimate },
  };
}

const COMPLEXITY = {
  simple: wire.Complexity.SIMPLE,
  standard: wire.Complexity.STANDARD,
  complex: wire.Complexity.COMPLEX,
} as const;

function wireCall(call: WrittenCall): wire.Call {
  const { principal, origin, estimate } = call;
  return wire.Call.fromPartial({
    tenant: call.tenant ?? '',
    agent: call.agent ?? '',
    environment: call.environment ?? '',
    principal: {
      user: principal?.user ?? '',
      team: principal?.team ?? '',
      roles: principal?.roles ?? [],
    },
    origin: { country: origin?.country ?? '', sourceIp: origin?.source_ip ?? '' },
    dataClassification: call.data_classification ?? [],
    attributes: call.attributes,
    estimate: {
      costMicroUsd: estimate?.cost_usd,
      inputTokens: estimate?.input_tokens ?? 0n,
      outputTokens: estimate?.output_tokens ?? 0n,
      complexity: COMPLEXITY[estimate?.complexity ?? 'standard'],
      model: estimate?.model ?? '',
    },
  });
}

/** From "call.principal.roles[3]" to the keys of a suite, which writes money in dollars. */
function callViolation({ field, description }: Violation): CallViolation {
  const [, ...steps] = field.match(/[^.[\]]+/g) ?? [];
  const path = steps.map((step) => {
    if (/^\d+$/.test(step)) return Number(step);
    return step === 'cost_micro_usd' ? 'cost_usd' : step;
  });
  return { path, message: description };
}
