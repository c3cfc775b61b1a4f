import { scopeFactsOf } from './admission.ts';
import type { WindowReading } from '../limits/counter.ts';
import type { Violation } from '../limits/violation.ts';
import type { Call } from './call.ts';
import type { WindowStatus } from './decision.ts';
import type { PipelineParts } from './parts.ts';
import type { Lineage, PersonIndex, UsageSums } from './ports.ts';
import type { ComponentHealth, DecisionQuery, Queries, QueryRefusal } from './queries.ts';
import { tightestFirst } from './window-stage.ts';

/** What the desk needs beside the pipeline's own parts. */
export interface QueryDeskParts extends Pick<
  PipelineParts,
  'config' | 'limiter' | 'ledger' | 'recorder' | 'clock'
> {
  readonly lineage: Lineage;
  readonly persons: PersonIndex;
  readonly sums: Pick<UsageSums, 'calibrations'>;
  readonly version: string;
  readonly startedAtMs: number;
}

const MOST_CALIBRATIONS = 1_000;

/** Answers questions from the same configuration and stores that decide. */
export function openQueryDesk(parts: QueryDeskParts): Queries {
  const { config, ledger, lineage } = parts;
  const known = (tenant: string): boolean => config.current().tenants.has(tenant);
  const forTenant = <T>(tenant: string, ask: () => Promise<T>): Promise<T | QueryRefusal> =>
    known(tenant) ? ask() : Promise.resolve({ kind: 'unknown_tenant' });
  return {
    status: async () => ({
      version: parts.version,
      configurationRevision: config.current().revision,
      configurationLoadedAtMs: config.current().loadedAtMs,
      configurationError: config.refusal(),
      components: await componentsOf(parts),
      recordsWaiting: parts.recorder.waiting(),
      startedAtMs: parts.startedAtMs,
    }),
    rateStatus: (call) => forTenant(call.tenant, () => rateStatus(parts, call)),
    budgetStatus: (query) =>
      forTenant(query.tenant, async () => {
        const page = await ledger.accounts(query);
        if ('kind' in page) return page;
        return { ...page, items: page.items.map((item) => ({ ...item, outage: false })) };
      }),
    reservation: (tenant, id) => forTenant(tenant, () => ledger.reservation(tenant, id)),
    decision: (tenant, id) => forTenant(tenant, () => lineage.get(tenant, id)),
    decisions: (query) => forTenant(query.tenant, () => decisions(parts, query)),
    usage: (query) => forTenant(query.tenant, () => ledger.usage(query)),
    calibrations: (tenant) =>
      forTenant(tenant, async () => {
        const calibrations = await parts.sums.calibrations(MOST_CALIBRATIONS, tenant);
        if ('kind' in calibrations) return calibrations;
        return { calibrations, applied: config.current().prices.recalibrate };
      }),
    violations: (tenant) =>
      forTenant(tenant, async () => {
        const violations = await parts.limiter.violations(tenant);
        if ('kind' in violations) return violations;
        return { violations: violations.toSorted(latestFirst), nowMs: parts.clock.nowMs() };
      }),
    policies: (tenant) =>
      forTenant(tenant, () => {
        const { policies } = config.current();
        return Promise.resolve({
          combining: policies.combining,
          policies: policies.inForce(tenant),
        });
      }),
  };
}

function decisions(
  { lineage, persons }: QueryDeskParts,
  { email, ...query }: DecisionQuery,
): ReturnType<Queries['decisions']> {
  if (email === undefined) return lineage.list(query);
  const emailIndex = persons.emailIndex(query.tenant, email);
  if (emailIndex !== undefined) return lineage.list({ ...query, emailIndex });
  const problem = 'the key of personal data is not known until the database answers';
  return Promise.resolve({ kind: 'unavailable', problem });
}

function latestFirst(a: Violation, b: Violation): number {
  if (a.lastAtMs !== b.lastAtMs) return b.lastAtMs - a.lastAtMs;
  return `${a.limitId} ${a.scope}` < `${b.limitId} ${b.scope}` ? -1 : 1;
}

async function rateStatus(
  { config, limiter, clock }: QueryDeskParts,
  call: Call,
): Promise<readonly WindowStatus[] | QueryRefusal> {
  const snapshot = config.current();
  const agent = snapshot.tenants.get(call.tenant)?.agents.get(call.agent);
  const facts = scopeFactsOf(call, agent, snapshot);
  const tokens = call.estimate.inputTokens + call.estimate.outputTokens;
  const { counters } = snapshot.limits.select(facts, tokens, clock.nowMs());
  const readings = await limiter.peek(call.tenant, counters);
  if ('kind' in readings) return readings;
  const lost = limiter.uncounted(call.tenant, counters);
  const isLost = ({ limitId, scope }: WindowReading): boolean =>
    lost.some((counter) => counter.limitId === limitId && counter.scope === scope);
  return readings.map((reading) => ({ ...reading, outage: isLost(reading) })).sort(tightestFirst);
}

async function componentsOf(parts: QueryDeskParts): Promise<readonly ComponentHealth[]> {
  const [limiter, ledger] = await Promise.all([parts.limiter.health(), parts.ledger.health()]);
  const refusal = parts.config.refusal();
  const record = parts.recorder.status();
  return [
    { name: 'rate_limiter', ...limiter },
    { name: 'ledger', ...ledger },
    { name: 'configuration', adapter: 'file', healthy: refusal === '', problem: refusal },
    { name: 'record', adapter: record.adapter, healthy: record.healthy, problem: record.problem },
  ];
}
