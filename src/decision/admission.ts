import type { Amounts } from '../budgets/amounts.ts';
import type { BudgetSelection } from '../budgets/budget-set.ts';
import type { LimitSelection } from '../limits/limit-set.ts';
import { onlyAsked } from '../policy/asked-attributes.ts';
import type { PolicyFacts } from '../policy/facts.ts';
import { NO_CALIBRATIONS, type Calibrations } from '../pricing/calibration.ts';
import type { Price } from '../pricing/price.ts';
import { estimateOf, givenPrice } from '../pricing/price-table.ts';
import type { ScopeFacts } from '../scope/scope.ts';
import type { Moment } from './answer-memory.ts';
import type { AuthorizeCommand, Call } from './call.ts';
import type { CallFacts } from './record.ts';
import type { Agent, Snapshot, Tenant } from './snapshot.ts';

/** Everything about one request that is known without asking anybody: the input of all stages. */
export interface Admission {
  readonly command: AuthorizeCommand;
  readonly snapshot: Snapshot;
  readonly tenant: Tenant;
  /** Undefined when the tenant has no such agent. */
  readonly agent: Agent | undefined;
  readonly nowMs: number;
  /** The answer that was given at `nowMs` is asked for again, without any effect. */
  readonly repeat: boolean;
  readonly price: Price;
  /** What the call is expected to use; what a Reserve holds. */
  readonly amounts: Amounts;
  readonly model: string;
  readonly scopeFacts: ScopeFacts;
}

/** Puts a request beside the configuration that decides it. */
export function admit(
  command: AuthorizeCommand,
  tenant: Tenant,
  { snapshot, nowMs, calibrations = NO_CALIBRATIONS }: Moment,
  repeat: boolean,
): Admission {
  const { call } = command;
  const agent = tenant.agents.get(call.agent);
  const model = call.estimate.model || agent?.model || '';
  const price = priceOf(call, snapshot, agent, model, calibrations);
  const { inputTokens, outputTokens } = call.estimate;
  return {
    command,
    snapshot,
    tenant,
    agent,
    nowMs,
    repeat,
    price,
    amounts: { costMicroUsd: price.totalMicroUsd, inputTokens, outputTokens, invocations: 1n },
    model,
    scopeFacts: scopeFactsOf(call, agent, snapshot),
  };
}

/** What a caller names is held as it is; what Tollgate prices itself may be calibrated. */
function priceOf(
  call: Call,
  { prices }: Snapshot,
  agent: Agent | undefined,
  model: string,
  calibrations: Calibrations,
): Price {
  const { costMicroUsd, complexity, inputTokens, outputTokens } = call.estimate;
  if (costMicroUsd !== undefined) return givenPrice(costMicroUsd);
  const platform = agent?.provider ?? '';
  const priced = { platform, model, complexity, inputTokens, outputTokens };
  if (!prices.recalibrate) return estimateOf(prices, priced);
  const factor = calibrations.factorPerMille(call.tenant, call.agent, prices.version);
  return estimateOf(prices, priced, factor);
}

export function scopeFactsOf(call: Call, agent: Agent | undefined, snapshot: Snapshot): ScopeFacts {
  const facts = {
    organization: call.tenant,
    team: call.team,
    user: call.user,
    agent: call.agent,
    provider: agent?.provider ?? '',
    environment: call.environment,
    roles: call.roles,
    tier: '',
  };
  return { ...facts, tier: snapshot.tierOf(facts) };
}

export function policyFactsOf({ command, agent, amounts, nowMs }: Admission): PolicyFacts {
  const { call } = command;
  return {
    tenant: call.tenant,
    agent: call.agent,
    provider: agent?.provider ?? '',
    environment: call.environment,
    user: call.user,
    team: call.team,
    roles: call.roles,
    country: call.country,
    sourceIp: call.sourceIp,
    dataClassification: call.dataClassification,
    costMicroUsd: amounts.costMicroUsd,
    inputTokens: amounts.inputTokens,
    outputTokens: amounts.outputTokens,
    attributes: call.attributes,
    nowMs,
  };
}

export function limitsOf({ snapshot, scopeFacts, amounts, nowMs }: Admission): LimitSelection {
  const tokens = amounts.inputTokens + amounts.outputTokens;
  return snapshot.limits.select(scopeFacts, tokens, nowMs);
}

export function budgetsOf({ snapshot, scopeFacts }: Admission): BudgetSelection {
  return snapshot.budgets.select(scopeFacts);
}

/** The facts that the record keeps of a call. */
export function callFactsOf(admission: Admission): CallFacts {
  const { snapshot, agent, amounts, model } = admission;
  const { call } = admission.command;
  return {
    tenant: call.tenant,
    agent: call.agent,
    agentVersion: call.agentVersion || agent?.version || '',
    provider: agent?.provider ?? '',
    user: call.user,
    team: call.team,
    roles: call.roles,
    system: call.system,
    environment: call.environment,
    country: call.country,
    dataClassification: call.dataClassification,
    attributes: onlyAsked(call.attributes, snapshot.policies.attributes),
    model,
    complexity: call.estimate.complexity,
    estimated: amounts,
    parentTraceId: call.parentTraceId,
    consent: call.consent,
  };
}
