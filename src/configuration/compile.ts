import { SUGGESTED_CAPS } from '../budgets/suggested-caps.ts';
import { compileBudgets, type BudgetDefinition } from '../budgets/budget-set.ts';
import type { Caps } from '../budgets/amounts.ts';
import type { Agent, Snapshot, Tenant } from '../decision/snapshot.ts';
import { compileLimits, type Exemption, type LimitDefinition } from '../limits/limit-set.ts';
import { RATE_PRESETS } from '../limits/rate-presets.ts';
import { compilePolicies } from '../policy/policy-set.ts';
import type { PolicyDefinition } from '../policy/policy.ts';
import { DEFAULT_PRICES } from '../pricing/default-prices.ts';
import type { PriceTable } from '../pricing/price-table.ts';
import type { Match } from '../scope/match.ts';
import { compileTiers } from '../scope/tier.ts';
import { defaultRules } from './agent-defaults.ts';
import { conditionOf } from './condition-definition.ts';
import { defined } from './defined.ts';
import type { ConfigurationDocument } from './document.ts';
import type { EnvironmentDefaults } from './environment-defaults.ts';
import { freezeDeeply } from './freeze.ts';

type Entry<K extends 'tenants' | 'agents' | 'policies' | 'limits' | 'budgets' | 'exemptions'> =
  ConfigurationDocument[K][number];

export interface CompileOptions {
  readonly environmentDefaults: EnvironmentDefaults;
  readonly revisionNumber: bigint;
  /** Names the content; see revision.ts. */
  readonly digest: string;
  readonly nowMs: number;
}

/** Builds the snapshot that decisions are made by. Its data is frozen. */
export function compileSnapshot(
  document: ConfigurationDocument,
  { environmentDefaults, revisionNumber, digest, nowMs }: CompileOptions,
): Snapshot {
  const defaults = defaultRules(document, environmentDefaults);
  const limits = document.limits.map((limit) => limitOf(limit, environmentDefaults));
  const budgets = document.budgets.map((budget) => budgetOf(budget, environmentDefaults));
  return Object.freeze({
    revision: `${revisionNumber}-${digest}`,
    revisionNumber,
    loadedAtMs: nowMs,
    tenants: tenantsOf(document),
    tierOf: compileTiers(document.tiers.map(({ id, match }) => ({ id, match: matchOf(match) }))),
    policies: compilePolicies(
      freezeDeeply(document.policies.map(policyOf)),
      document.combining ?? environmentDefaults.combining,
    ),
    limits: compileLimits(
      freezeDeeply([...limits, ...defaults.limits]),
      freezeDeeply(document.exemptions.map(exemptionOf)),
    ),
    budgets: compileBudgets(freezeDeeply([...budgets, ...defaults.budgets])),
    prices: freezeDeeply(pricesOf(document.prices, environmentDefaults)),
  });
}

function tenantsOf(document: ConfigurationDocument): ReadonlyMap<string, Tenant> {
  const agents = document.agents.map((entry) => ({ entry, agent: agentOf(entry) }));
  return new Map(
    document.tenants.map((tenant) => {
      const own = agents.filter(({ entry }) => mayCall(tenant, entry));
      const callable = new Map(own.map(({ agent }) => [agent.id, agent]));
      const { id, name = id } = tenant;
      return [id, Object.freeze({ id, name, agents: callable })];
    }),
  );
}

/** Both sides must agree: the tenant's list of agents and the agent's list of tenants. */
export function mayCall(tenant: Entry<'tenants'>, agent: Entry<'agents'>): boolean {
  return (
    (tenant.agents?.includes(agent.id) ?? true) && (agent.tenants?.includes(tenant.id) ?? true)
  );
}

function agentOf({ id, name, provider, version, model, enabled }: Entry<'agents'>): Agent {
  return Object.freeze({
    id,
    name: name ?? id,
    provider,
    version: version ?? '',
    model: model ?? '',
    enabled,
  });
}

function policyOf(policy: Entry<'policies'>): PolicyDefinition {
  return {
    id: policy.id,
    name: policy.name ?? policy.id,
    effect: policy.effect,
    priority: policy.priority,
    enabled: policy.enabled,
    tenants: policy.tenants,
    conditions: policy.conditions.map(conditionOf),
    obligations: policy.obligations,
    shadow: policy.shadow,
  };
}

type WrittenWindows = NonNullable<Entry<'limits'>['windows']>;

function limitOf(limit: Entry<'limits'>, environment: EnvironmentDefaults): LimitDefinition {
  const windowsOf = (windows: WrittenWindows) =>
    windows.map(({ per: lengthMs, limit: most, burst }) => ({
      lengthMs,
      limit: most,
      ...(burst === undefined ? {} : { burst }),
    }));
  const preset = limit.preset === undefined ? undefined : RATE_PRESETS[limit.preset];
  return {
    id: limit.id,
    scope: limit.scope,
    match: matchOf(limit.match),
    unit: limit.unit,
    algorithm: limit.unit === 'concurrency' ? 'leases' : (limit.algorithm ?? 'strict'),
    windows: preset?.windows ?? windowsOf(limit.windows ?? []),
    tiers: Object.fromEntries(
      Object.entries(limit.tiers).map(([tier, windows]) => [tier, windowsOf(windows)]),
    ),
    burstMultiplier: burstMultiplierOf(limit, environment),
    burstOn: limit.burst_on,
    onOutage: limit.on_outage ?? environment.onOutage,
    localPerMille: limit.local_share ?? 0,
    shadow: limit.shadow,
  };
}

/** Calls in flight know no burst unless somebody writes one. */
function burstMultiplierOf(limit: Entry<'limits'>, environment: EnvironmentDefaults): number {
  const preset = limit.preset === undefined ? undefined : RATE_PRESETS[limit.preset];
  const fallback = limit.unit === 'concurrency' ? 1 : environment.burstMultiplier;
  return limit.burst_multiplier ?? preset?.burstMultiplier ?? fallback;
}

/** No account is ever so full: neither warning, degradation nor alert. */
const NEVER_PER_MILLE = 1_000_000_000;

function budgetOf(budget: Entry<'budgets'>, environment: EnvironmentDefaults): BudgetDefinition {
  const shadow = budget.mode === 'shadow';
  return {
    id: budget.id,
    scope: budget.scope,
    match: matchOf(budget.match),
    period: budget.period,
    timeZone: budget.time_zone,
    caps: capsOf({ ...suggestedOf(budget), ...budget.caps }),
    rollover: capsOf(budget.rollover),
    soft: budget.mode !== 'hard',
    warnPerMille: shadow ? NEVER_PER_MILLE : (budget.warn_at ?? environment.warnPerMille),
    degradePerMille: shadow ? NEVER_PER_MILLE : (budget.degrade_at ?? environment.degradePerMille),
    alertPerMille: shadow ? [] : [...budget.alerts_at].sort((a, b) => a - b),
  };
}

/** The lower end of what is recommended: it is easier to raise a cap than to get money back. */
function suggestedOf({ caps, period }: Entry<'budgets'>): Entry<'budgets'>['rollover'] {
  const { suggested_for: kind } = caps;
  if (kind === undefined || (period !== 'daily' && period !== 'monthly')) return {};
  return { cost_usd: SUGGESTED_CAPS[kind][period].from };
}

function capsOf(caps: Entry<'budgets'>['rollover']): Caps {
  return defined({
    costMicroUsd: caps.cost_usd,
    inputTokens: caps.input_tokens,
    outputTokens: caps.output_tokens,
    totalTokens: caps.total_tokens,
    invocations: caps.invocations,
  });
}

function exemptionOf(exemption: Entry<'exemptions'>): Exemption {
  return {
    id: exemption.id,
    match: matchOf(exemption.match),
    limits: exemption.limits,
    untilMs: exemption.until,
    grantedBy: exemption.granted_by,
    reason: exemption.reason,
  };
}

function pricesOf(
  written: ConfigurationDocument['prices'],
  environment: EnvironmentDefaults,
): PriceTable {
  const base = DEFAULT_PRICES;
  return {
    version: written.version ?? base.version,
    platforms: { ...base.platforms, ...written.platforms },
    complexityPerMille: { ...base.complexityPerMille, ...defined(written.complexity) },
    per1000Tokens: { ...base.per1000Tokens, ...written.per_1000_tokens },
    bufferPerMille: written.buffer === undefined ? base.bufferPerMille : BigInt(written.buffer),
    defaultCostMicroUsd:
      written.default_cost ?? environment.defaultCostMicroUsd ?? base.defaultCostMicroUsd,
  };
}

function matchOf(match: { readonly [K in keyof Match]: Match[K] | undefined }): Match {
  return defined(match);
}
