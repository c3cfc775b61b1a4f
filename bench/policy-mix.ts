import { NO_FACTS, type PolicyFacts } from '../src/policy/facts.ts';
import type { ConditionDefinition } from '../src/policy/conditions/definition.ts';
import type { PolicyDefinition } from '../src/policy/policy.ts';
import { randomFrom } from '../test/support/random-from.ts';

/**
 * Policies as a large customer has them. Most are about one agent, one provider, one tenant or one
 * environment, and ask something else besides; one in twenty is about everybody. Conditions are of
 * kinds that are written in a file as the domain knows them.
 */
const TENANTS = 50;
const AGENTS = 200;
const PROVIDERS = 10;
const ENVIRONMENTS = ['production', 'staging', 'test', 'development'];
const ROLES = ['employee', 'intern', 'admin', 'auditor', 'contractor'];
const TAGS = ['public', 'internal', 'pii', 'phi', 'secret'];
const COUNTRIES = ['DE', 'FR', 'US', 'GB', 'JP'];
const REGIONS = ['eu', 'us', 'ap'];

const at = <T>(values: readonly T[], index: number): T => values[index % values.length] as T;
const providerOf = (agent: number): string => `provider-${agent % PROVIDERS}`;

/** Of twenty policies in a row. */
const ABOUT_AN_AGENT = 8;
const ABOUT_A_PROVIDER = 12;
const ABOUT_A_TENANT = 16;
const ABOUT_AN_ENVIRONMENT = 19;
const ROW = 20;

/** One in ten denies, and asks three things more; the others allow, and ask one more. */
const DENIES_ONE_IN = 10;

export function policyMix(count: number): readonly PolicyDefinition[] {
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / ROW);
    const place = index % ROW;
    const about = aboutOf(place, row);
    const ofTenant = place >= ABOUT_A_PROVIDER && place < ABOUT_A_TENANT;
    const denies = (index + row) % DENIES_ONE_IN === 0;
    return {
      id: `policy-${index}`,
      name: `policy-${index}`,
      effect: denies ? ('deny' as const) : ('allow' as const),
      priority: 1 + (index % 100),
      enabled: true,
      tenants: ofTenant ? [`tenant-${(row * 7 + place) % TENANTS}`] : undefined,
      conditions: [
        ...(about ? [about] : []),
        ...(denies ? [ROLE(row), REGION(row), TAG(row)] : [besides(row + place * 7, row)]),
      ],
      obligations: [],
    };
  });
}

function aboutOf(place: number, row: number): ConditionDefinition | undefined {
  if (place < ABOUT_AN_AGENT) {
    return { type: 'agent', agents: [`agent-${(row * ABOUT_AN_AGENT + place) % AGENTS}`] };
  }
  if (place < ABOUT_A_PROVIDER) {
    return { type: 'provider', providers: [`provider-${(row + place) % PROVIDERS}`] };
  }
  if (place < ABOUT_A_TENANT || place >= ABOUT_AN_ENVIRONMENT) return undefined;
  return { type: 'environment', environments: [at(ENVIRONMENTS, row + place)] };
}

type Besides = (row: number) => ConditionDefinition;
const ROLE: Besides = (row) => ({ type: 'principal', roles: [at(ROLES, row)] });
const REGION: Besides = (row) => ({
  type: 'attribute',
  name: 'region',
  equals: [at(REGIONS, row)],
});
const TAG: Besides = (row) => ({ type: 'data_classification', tags: [at(TAGS, row)] });
const COUNTRY: Besides = (row) => ({ type: 'location', countries: [at(COUNTRIES, row)] });
const EXPRESSION: Besides = (row) => ({
  type: 'cel',
  expression: `attributes.risk > ${row % 10} && country != "JP"`,
});

/** CEL is for what nothing else can say: one in twenty. */
function besides(kind: number, row: number): ConditionDefinition {
  if (kind % 20 === 0) return EXPRESSION(row);
  return at([ROLE, REGION, TAG, COUNTRY], kind)(row);
}

/** Callers of all tenants and agents: more kinds than any memory of the last ones keeps. */
export function requestMix(count: number): readonly PolicyFacts[] {
  const random = randomFrom(1);
  const pick = (most: number): number => Math.floor(random() * most);
  return Array.from({ length: count }, () => {
    const agent = pick(AGENTS);
    return {
      ...NO_FACTS,
      tenant: `tenant-${pick(TENANTS)}`,
      agent: `agent-${agent}`,
      provider: providerOf(agent),
      environment: at(ENVIRONMENTS, pick(ENVIRONMENTS.length)),
      user: `user-${pick(1000)}`,
      team: `team-${pick(20)}`,
      roles: [at(ROLES, pick(ROLES.length))],
      country: at(COUNTRIES, pick(COUNTRIES.length)),
      dataClassification: [at(TAGS, pick(TAGS.length))],
      attributes: { region: at(REGIONS, pick(REGIONS.length)), risk: pick(10) },
      costMicroUsd: 10_000n,
      inputTokens: 500n,
      outputTokens: 300n,
      nowMs: Date.UTC(2026, 10, 20, 12),
    };
  });
}

/** The same policies as a file. A policy is a line of JSON, which YAML can read. */
export function policyFile(count: number): string {
  const tenants = Array.from({ length: TENANTS }, (_, one) => `  - id: tenant-${one}`);
  const agents = Array.from(
    { length: AGENTS },
    (_, one) => `  - { id: agent-${one}, provider: ${providerOf(one)} }`,
  );
  const policies = policyMix(count).map(({ id, effect, priority, tenants: of, conditions }) => {
    return `  - ${JSON.stringify({ id, effect, priority, tenants: of, conditions })}`;
  });
  return [
    ...['version: 1', 'tenants:', ...tenants, 'agents:', ...agents, 'policies:', ...policies],
    '',
  ].join('\n');
}
