import { SUGGESTED_CAPS } from '../budgets/suggested-caps.ts';
import { BudgetCollection, type BudgetDefinition, type BudgetSet } from '../budgets/budget-set.ts';
import type { Caps } from '../budgets/amounts.ts';
import type { Agent, Snapshot, Tenant } from '../decision/snapshot.ts';
import {
  LimitCollection,
  type Exemption,
  type LimitDefinition,
  type LimitSet,
} from '../limits/limit-set.ts';
import { RATE_PRESETS } from '../limits/rate-presets.ts';
import type { ConditionDefinition } from '../policy/conditions/definition.ts';
import { PolicyCollection, type PolicySet } from '../policy/policy-set.ts';
import type { PolicyDefinition } from '../policy/policy.ts';
import { DEFAULT_PRICES } from '../pricing/default-prices.ts';
import type { PriceTable } from '../pricing/price-table.ts';
import type { Match } from '../scope/match.ts';
import { compileTiers, type TierDefinition } from '../scope/tier.ts';
import { defaultRules } from './agent-defaults.ts';
import { conditionOf } from './condition-definition.ts';
import { defined } from './defined.ts';
import type { ConfigurationDocument } from './document.ts';
import type { EnvironmentDefaults } from './environment-defaults.ts';
import { freezeDeeply } from './freeze.ts';
import { recordRulesOf } from './record-section.ts';
import type { Entry, Section, Sections } from './sections.ts';
import type { Steps } from './steps.ts';

type WrittenCondition = Entry<'policies'>['conditions'][number];

export interface CompileOptions {
  readonly environmentDefaults: EnvironmentDefaults;
  readonly revisionNumber: bigint;
  /** Names the content; see revision.ts. */
  readonly digest: string;
  readonly nowMs: number;
}

/** Builds the snapshot that decisions are made by. Its data is frozen. */
export function* compileSnapshot(
  document: Sections,
  { environmentDefaults, revisionNumber, digest, nowMs }: CompileOptions,
): Steps<Snapshot> {
  const defaults = defaultRules(document.settings, environmentDefaults);
  const tenants = yield* tenantsOf(document);
  const tiers: TierDefinition[] = [];
  yield* each(document, 'tiers', ({ id, match }) => tiers.push({ id, match: matchOf(match) }));
  const policies = yield* policiesOf(document, environmentDefaults);
  const limits = yield* limitsOf(document, defaults.limits, environmentDefaults);
  const budgets = yield* budgetsOf(document, defaults.budgets, environmentDefaults);
  return Object.freeze({
    revision: `${revisionNumber}-${digest}`,
    revisionNumber,
    loadedAtMs: nowMs,
    tenants,
    tierOf: compileTiers(tiers),
    policies,
    limits,
    budgets,
    prices: freezeDeeply(pricesOf(document.settings.prices, environmentDefaults)),
  });
}

/** Takes an entry in each step. */
function* each<S extends Section>(
  document: Sections,
  section: S,
  take: (entry: Entry<S>) => void,
): Steps<void> {
  for (const slice of document.slices(section)) {
    for (const entry of slice) {
      take(entry);
      yield;
    }
  }
}

function* limitsOf(
  document: Sections,
  defaults: readonly LimitDefinition[],
  environment: EnvironmentDefaults,
): Steps<LimitSet> {
  const collection = new LimitCollection();
  const add = (definition: LimitDefinition): void => collection.add(freezeDeeply(definition));
  yield* each(document, 'limits', (one) => add(limitOf(one, environment)));
  defaults.forEach(add);
  yield* each(document, 'exemptions', (one) => collection.exempt(freezeDeeply(exemptionOf(one))));
  return collection.done();
}

function* budgetsOf(
  document: Sections,
  defaults: readonly BudgetDefinition[],
  environment: EnvironmentDefaults,
): Steps<BudgetSet> {
  const collection = new BudgetCollection();
  const add = (definition: BudgetDefinition): void => collection.add(freezeDeeply(definition));
  yield* each(document, 'budgets', (one) => add(budgetOf(one, environment)));
  defaults.forEach(add);
  return collection.done();
}

function* policiesOf(document: Sections, environment: EnvironmentDefaults): Steps<PolicySet> {
  const collection = new PolicyCollection();
  const known = new Map<WrittenCondition, ConditionDefinition>();
  const read = (written: WrittenCondition): ConditionDefinition => {
    const condition = known.get(written) ?? conditionOf(written);
    known.set(written, condition);
    return condition;
  };
  yield* each(document, 'policies', (policy) =>
    collection.add(freezeDeeply(policyOf(policy, read))),
  );
  return collection.done(document.settings.combining ?? environment.combining);
}

function* tenantsOf(document: Sections): Steps<ReadonlyMap<string, Tenant>> {
  const agents = new Map<string, Registered>();
  yield* each(document, 'agents', (entry) => {
    const { id, tenants } = entry;
    agents.set(id, { agent: agentOf(entry), tenants: tenants && new Set(tenants) });
  });
  const tenants = new Map<string, Tenant>();
  yield* each(document, 'tenants', ({ id, name = id, agents: own, record: written }) => {
    const record = recordRulesOf(written);
    tenants.set(id, Object.freeze({ id, name, agents: callable(agents, id, own), record }));
  });
  return tenants;
}

/** An agent and the tenants that may call it; undefined means all. */
interface Registered {
  readonly agent: Agent;
  readonly tenants: ReadonlySet<string> | undefined;
}

/**
 * The same answers as `mayCall`, found when somebody asks: ten thousand tenants of as many agents
 * each would not fit into memory.
 */
function callable(
  registered: ReadonlyMap<string, Registered>,
  tenant: string,
  own: readonly string[] | undefined,
): Tenant['agents'] {
  const listed = own && new Set(own);
  return {
    get(id) {
      const found = registered.get(id);
      if (!found || !(listed?.has(id) ?? true)) return undefined;
      return (found.tenants?.has(tenant) ?? true) ? found.agent : undefined;
    },
  };
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

const NO_OBLIGATIONS: PolicyDefinition['obligations'] = [];

/** What policies have in common is kept once, also when each brings its own from another thread. */
function policyOf(
  policy: Entry<'policies'>,
  read: (written: WrittenCondition) => ConditionDefinition,
): PolicyDefinition {
  return {
    id: policy.id,
    name: policy.name ?? policy.id,
    effect: policy.effect === 'allow' ? 'allow' : 'deny',
    priority: policy.priority,
    enabled: policy.enabled,
    tenants: policy.tenants,
    conditions: policy.conditions.map(read),
    obligations: policy.obligations.length > 0 ? policy.obligations : NO_OBLIGATIONS,
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
    recalibrate: written.recalibrate ?? base.recalibrate,
  };
}

function matchOf(match: { readonly [K in keyof Match]: Match[K] | undefined }): Match {
  return defined(match);
}
