import type { Decision, Grant, Obligation } from '../decision/decision.ts';
import {
  isAdvice,
  REASONS,
  type Reason,
  type ReasonCode,
  type RuleKind,
} from '../decision/reasons.ts';
import { ReasonCode as CODE } from '../gen/tollgate/v1/reason_code.ts';
import * as wire from '../gen/tollgate/v1/verdict.ts';
import { rateLimitHeaders, retryAfterHeader, type HeaderField } from '../limits/headers.ts';
import { calibrationPerMilleOf, type Price } from '../pricing/price.ts';
import { EFFECT, explanationOf } from './write-explanation.ts';
import { budgetStatusOf, rateStatusOf } from './write-status.ts';
import { durationOf } from './write-time.ts';

/** A decision as the wire says it. Nothing is decided here; write-answer.ts makes it bytes. */
export function writeDecision(decision: Decision): wire.Decision {
  return {
    ...writeWithoutWindows(decision),
    rateStatus: decision.windows.map(rateStatusOf),
    headers: headersOf(decision),
  };
}

/** The same without what is written of its windows, `rateStatus` and `headers`. */
export function writeWithoutWindows(decision: Decision): wire.Decision {
  const { grant, price, explanation } = decision;
  return {
    decisionId: decision.decisionId,
    effect: EFFECT[decision.effect],
    reasons: decision.reasons.map(writeReason),
    rateStatus: [],
    budgetStatus: decision.accounts.map(budgetStatusOf),
    headers: [],
    grant: grant === undefined ? undefined : grantOf(grant),
    obligations: decision.obligations.map(obligationOf),
    configurationRevision: decision.configurationRevision,
    explanation: explanation === undefined ? undefined : explanationOf(explanation),
    degraded: decision.degraded,
    decidedAt: new Date(decision.decidedAtMs),
    price: price && priceOf(price),
    exemptions: [...decision.exemptions],
  };
}

export function priceOf(price: Price): wire.Price {
  return { ...price, calibrationPerMille: calibrationPerMilleOf(price) };
}

const RULE_KIND: Readonly<Record<RuleKind, wire.RuleKind>> = {
  policy: wire.RuleKind.POLICY,
  limit: wire.RuleKind.LIMIT,
  budget: wire.RuleKind.BUDGET,
  agent: wire.RuleKind.AGENT,
};

/** Name of a code in the contract: "limit.outage_allowed" is LIMIT_OUTAGE_ALLOWED. */
type ConstantName<Code extends string> = Code extends `${infer Stage}.${infer Rest}`
  ? `${Uppercase<Stage>}_${Uppercase<Rest>}`
  : never;

function constantOf(code: ReasonCode): CODE {
  return CODE[code.replace('.', '_').toUpperCase() as ConstantName<ReasonCode>];
}

const CONSTANTS = new Map(
  (Object.keys(REASONS) as ReasonCode[]).map((code) => [code, constantOf(code)]),
);

export function writeReason(reason: Reason): wire.Reason {
  const { ruleKind, windowMs, retryAfterMs } = reason;
  return {
    code: reason.code,
    message: reason.message,
    ruleKind: ruleKind === undefined ? wire.RuleKind.UNSPECIFIED : RULE_KIND[ruleKind],
    rule: reason.rule ?? '',
    scope: reason.scope ?? '',
    window: windowMs === undefined ? undefined : durationOf(windowMs),
    account: reason.account ?? '',
    unit: reason.unit ?? '',
    limit: reason.limit,
    remaining: reason.remaining,
    requested: reason.requested,
    retryAfter: retryAfterMs === undefined ? undefined : durationOf(retryAfterMs),
    advisory: isAdvice(reason),
    reasonCode: CONSTANTS.get(reason.code) ?? CODE.UNSPECIFIED,
  };
}

function headersOf(decision: Decision): wire.Header[] {
  const headers = rateLimitHeaders(decision.windows);
  const retryAfter = retryAfterOf(decision);
  return retryAfter === undefined ? headers : [...headers, retryAfter];
}

/** Retry-After only where time alone lifts the whole denial. */
export function retryAfterOf(decision: Decision): HeaderField | undefined {
  if (decision.effect === 'allow') return undefined;
  const deciding = decision.reasons.filter((reason) => !isAdvice(reason));
  return retryAfterHeader(deciding.map((reason) => reason.retryAfterMs));
}

function grantOf({ maxCostMicroUsd, maxOutputTokens, expiresAtMs, token }: Grant): wire.Grant {
  return { maxCostMicroUsd, maxOutputTokens, expiresAt: new Date(expiresAtMs), token };
}

function obligationOf({ name, source, parameters }: Obligation): wire.Obligation {
  const none = Object.keys(parameters).length === 0;
  return { name, source, parameters: none ? undefined : parameters };
}
