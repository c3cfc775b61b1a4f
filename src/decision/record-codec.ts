import type { AccountStatus, Decision, Explanation, Grant, WindowStatus } from './decision.ts';
import type { CallFacts, DecisionRecord } from './record.ts';
import type { Reason } from './reasons.ts';
import { METRICS, type Amounts, type Metric } from '../budgets/amounts.ts';
import type { Price } from '../pricing/price.ts';
import { packFree, unpackFree } from './free-values.ts';

/**
 * The one form in which a decision record is written down, in the journal and in the Lineage: plain
 * JSON that comes back as it was. Whole numbers of 64 bits are decimal text, Infinity is null, what
 * is undefined is left out. The person is written apart (record-row.ts). The types below hold
 * encoder, decoder and record together: a field added to the record that needs care and gets none
 * does not compile.
 */
export type Wire<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Wire<T[Key]> }
      : T;

type WireWindow = Omit<Wire<WindowStatus>, 'resetAfterMs' | 'retryAfterMs'> & {
  readonly resetAfterMs: number | null;
  readonly retryAfterMs: number | null;
};
type WireReason = Omit<Wire<Reason>, 'retryAfterMs'> & { readonly retryAfterMs?: number | null };

/** A decision as plain JSON. */
export type WireDecision = Omit<Wire<Decision>, 'windows' | 'reasons'> & {
  readonly windows: readonly WireWindow[];
  readonly reasons: readonly WireReason[];
};

/** A record as plain JSON. */
export type WireRecord = Omit<Wire<DecisionRecord>, 'decision' | 'person' | 'facts'> & {
  readonly facts: Omit<Wire<CallFacts>, 'attributes'> & Pick<CallFacts, 'attributes'>;
  readonly decision: WireDecision;
};

/**
 * The inverse of `encodeRecord` in record-text.ts. @throws SyntaxError or TypeError when the text
 * is not what `encodeRecord` wrote.
 */
export function decodeRecord(text: string): DecisionRecord {
  return recordFromWire(JSON.parse(text) as WireRecord);
}

export function recordToWire(record: DecisionRecord): WireRecord {
  const { person: _person, facts, ...plain } = record;
  return {
    ...plain,
    facts: {
      ...facts,
      attributes: packFree(facts.attributes),
      estimated: amountsToWire(facts.estimated),
    },
    decision: decisionToWire(record.decision),
  };
}

export function recordFromWire(wire: WireRecord): DecisionRecord {
  const { facts } = wire;
  return {
    ...wire,
    facts: {
      ...facts,
      attributes: unpackFree(facts.attributes),
      estimated: amountsFromWire(facts.estimated),
    },
    person: undefined,
    decision: decisionFromWire(wire.decision),
  };
}

export function decisionToWire(decision: Decision): WireDecision {
  return {
    ...decision,
    reasons: decision.reasons.map(reasonToWire),
    windows: decision.windows.map(windowToWire),
    accounts: decision.accounts.map(accountToWire),
    grant: decision.grant && grantToWire(decision.grant),
    obligations: decision.obligations.map((one) => obligationToWire(one)),
    price: decision.price && priceToWire(decision.price),
    explanation: decision.explanation && explanationToWire(decision.explanation),
  };
}

export function decisionFromWire(wire: WireDecision): Decision {
  return {
    ...wire,
    reasons: wire.reasons.map(reasonFromWire),
    windows: wire.windows.map(windowFromWire),
    accounts: wire.accounts.map(accountFromWire),
    grant: wire.grant && grantFromWire(wire.grant),
    obligations: wire.obligations.map((one) => withParameters(one, unpackFree)),
    price: wire.price && priceFromWire(wire.price),
    explanation: wire.explanation && explanationThrough(wire.explanation, unpackFree),
  };
}

export function amountsToWire(amounts: Amounts): Wire<Amounts> {
  return {
    costMicroUsd: String(amounts.costMicroUsd),
    inputTokens: String(amounts.inputTokens),
    outputTokens: String(amounts.outputTokens),
    invocations: String(amounts.invocations),
  };
}

export function amountsFromWire(wire: Wire<Amounts>): Amounts {
  return {
    costMicroUsd: BigInt(wire.costMicroUsd),
    inputTokens: BigInt(wire.inputTokens),
    outputTokens: BigInt(wire.outputTokens),
    invocations: BigInt(wire.invocations),
  };
}

function windowToWire(window: WindowStatus): WireWindow {
  return {
    ...window,
    resetAfterMs: waitToWire(window.resetAfterMs),
    retryAfterMs: waitToWire(window.retryAfterMs),
  };
}

function windowFromWire(wire: WireWindow): WindowStatus {
  if (hasNoEndlessWait(wire)) return wire;
  return {
    ...wire,
    resetAfterMs: waitFromWire(wire.resetAfterMs),
    retryAfterMs: waitFromWire(wire.retryAfterMs),
  };
}

/** Nearly all windows are the same in both forms. */
function hasNoEndlessWait(wire: WireWindow): wire is WireWindow & WindowStatus {
  return wire.resetAfterMs !== null && wire.retryAfterMs !== null;
}

/** A wait that never ends is Infinity, which JSON does not have. */
function waitToWire(waitMs: number): number | null {
  return waitMs === Infinity ? null : waitMs;
}

function waitFromWire(waitMs: number | null): number {
  return waitMs ?? Infinity;
}

function accountToWire(account: AccountStatus): Wire<AccountStatus> {
  return {
    ...account,
    caps: capsThrough(account.caps, String),
    carried: capsThrough(account.carried, String),
    committed: amountsToWire(account.committed),
    held: amountsToWire(account.held),
  };
}

function accountFromWire(wire: Wire<AccountStatus>): AccountStatus {
  return {
    ...wire,
    caps: capsThrough(wire.caps, BigInt),
    carried: capsThrough(wire.carried, BigInt),
    committed: amountsFromWire(wire.committed),
    held: amountsFromWire(wire.held),
  };
}

type Each<Key extends string, T> = { readonly [K in Key]?: T };

function capsThrough<T, U>(caps: Each<Metric, T>, through: (cap: T) => U): Each<Metric, U> {
  const out: Partial<Record<Metric, U>> = {};
  for (const metric of METRICS) {
    const cap = caps[metric];
    if (cap !== undefined) out[metric] = through(cap);
  }
  return out;
}

function reasonToWire(reason: Reason): WireReason {
  if (isPlain(reason)) return reason;
  const { limit, remaining, requested, retryAfterMs, ...words } = reason;
  return {
    ...words,
    ...(limit !== undefined && { limit: String(limit) }),
    ...(remaining !== undefined && { remaining: String(remaining) }),
    ...(requested !== undefined && { requested: String(requested) }),
    ...(retryAfterMs !== undefined && { retryAfterMs: waitToWire(retryAfterMs) }),
  };
}

function reasonFromWire(wire: WireReason): Reason {
  if (isPlain(wire)) return wire;
  const { limit, remaining, requested, retryAfterMs, ...words } = wire;
  return {
    ...words,
    ...(limit !== undefined && { limit: BigInt(limit) }),
    ...(remaining !== undefined && { remaining: BigInt(remaining) }),
    ...(requested !== undefined && { requested: BigInt(requested) }),
    ...(retryAfterMs !== undefined && { retryAfterMs: waitFromWire(retryAfterMs) }),
  };
}

/** Most reasons carry no figures and are the same in both forms. */
function isPlain(reason: Reason | WireReason): reason is Reason & WireReason {
  return (
    reason.limit === undefined &&
    reason.remaining === undefined &&
    reason.requested === undefined &&
    reason.retryAfterMs === undefined
  );
}

function grantToWire(grant: Grant): Wire<Grant> {
  return {
    ...grant,
    maxCostMicroUsd: grant.maxCostMicroUsd?.toString(),
    maxOutputTokens: grant.maxOutputTokens?.toString(),
  };
}

function grantFromWire(wire: Wire<Grant>): Grant {
  return {
    ...wire,
    maxCostMicroUsd: wire.maxCostMicroUsd === undefined ? undefined : BigInt(wire.maxCostMicroUsd),
    maxOutputTokens: wire.maxOutputTokens === undefined ? undefined : BigInt(wire.maxOutputTokens),
  };
}

function priceToWire(price: Price): Wire<Price> {
  return {
    ...price,
    baseMicroUsd: String(price.baseMicroUsd),
    bufferMicroUsd: String(price.bufferMicroUsd),
    totalMicroUsd: String(price.totalMicroUsd),
  };
}

function priceFromWire(wire: Wire<Price>): Price {
  return {
    ...wire,
    baseMicroUsd: BigInt(wire.baseMicroUsd),
    bufferMicroUsd: BigInt(wire.bufferMicroUsd),
    totalMicroUsd: BigInt(wire.totalMicroUsd),
  };
}

interface Parameterized {
  readonly parameters: Readonly<Record<string, unknown>>;
}

type Through = (parameters: Parameterized['parameters']) => Parameterized['parameters'];

export function obligationToWire<T extends Parameterized>(obligation: T): T {
  return withParameters(obligation, packFree);
}

/** Parameters of an obligation are whatever the configuration says. */
function withParameters<T extends Parameterized>(obligation: T, through: Through): T {
  const parameters = through(obligation.parameters);
  return parameters === obligation.parameters ? obligation : { ...obligation, parameters };
}

export function explanationToWire(explanation: Explanation): Explanation {
  return explanationThrough(explanation, packFree);
}

function explanationThrough(explanation: Explanation, through: Through): Explanation {
  const { policy } = explanation;
  if (policy.obligations.length === 0) return explanation;
  const obligations = policy.obligations.map((one) => withParameters(one, through));
  return { ...explanation, policy: { ...policy, obligations } };
}
