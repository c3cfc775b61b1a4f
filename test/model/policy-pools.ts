import fc from 'fast-check';

import type {
  ConditionDefinition,
  PlainDefinition,
} from '../../src/policy/conditions/definition.ts';
import type { PolicyFacts } from '../../src/policy/facts.ts';
import type { PolicyDefinition } from '../../src/policy/policy.ts';
import type { Truth } from '../../src/policy/verdict.ts';

/** What policies and requests are made of by chance: few values, so that they meet often. */

type Told = (facts: PolicyFacts) => boolean | undefined;
const said =
  (told: Told) =>
  (facts: PolicyFacts): Truth => {
    const holds = told(facts);
    return holds === undefined ? 'unknown' : `${holds}`;
  };

/** Whether a fact that is text is one; undefined when it is missing. */
const is = (fact: string, value: string): boolean | undefined =>
  fact === '' ? undefined : fact === value;

/** Expressions with what they mean, said again without CEL. */
export const CEL: Readonly<Record<string, (facts: PolicyFacts) => Truth>> = {
  'environment == "production"': said(({ environment }) => is(environment, 'production')),
  'country == "DE"': said(({ country }) => is(country.toUpperCase(), 'DE')),
  '"admin" in roles': said(({ roles }) => (roles.length ? roles.includes('admin') : undefined)),
  'team == "hr" || user == "alice"': said(({ team, user }) => {
    if (team === 'hr' || user === 'alice') return true;
    return team === '' || user === '' ? undefined : false;
  }),
  'team == "hr" && user == "alice"': said(({ team, user }) => {
    if ((team !== '' && team !== 'hr') || (user !== '' && user !== 'alice')) return false;
    return team === '' || user === '' ? undefined : true;
  }),
  'attributes.risk > 2': said(({ attributes: { risk } }) =>
    typeof risk === 'number' ? risk > 2 : undefined,
  ),
  'has(attributes.risk) && !("intern" in roles)': said(({ attributes, roles }) => {
    if (!('risk' in attributes) || roles.includes('intern')) return false;
    return roles.length > 0 ? true : undefined;
  }),
  'cost_usd > 0.5': said(({ costMicroUsd }) => costMicroUsd > 500_000n),
  'input_tokens * 9223372036854775807 >= 0': said(({ inputTokens, outputTokens }) =>
    inputTokens + outputTokens === 0n || inputTokens > 1n ? undefined : true,
  ),
  'data_classification.exists(tag, tag == "pii")': said(({ dataClassification: tags }) =>
    tags.length > 0 ? tags.includes('pii') : undefined,
  ),
};

const TENANTS = ['acme', 'globex'] as const;
const NOON_MS = Date.parse('2026-03-27T12:00:00Z');
/** Over a week in which the clocks of Paris change, some at the very edges of the spans below. */
const TIMES_MS = [0, 1, 2, 3, 4].flatMap((days) =>
  ['00:00', '00:59', '01:30', '03:30', '08:00', '16:59', '20:30', '21:00', '22:00'].map((time) =>
    Date.parse(`${new Date(NOON_MS + days * 86_400_000).toISOString().slice(0, 10)}T${time}:00Z`),
  ),
);

const some = <T>(...values: readonly T[]): fc.Arbitrary<T[]> =>
  fc.subarray([...values], { minLength: 1, maxLength: Math.min(2, values.length) });
const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const weekly = fc
  .record({
    kind: fc.constant('weekly' as const),
    days: fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }),
    hours: oneOf([540, 1020], [1320, 360], [0, 1440], [60, 210], [1440, 90]),
    timeZone: oneOf('UTC', 'America/New_York', 'Europe/Paris', 'Asia/Kolkata'),
  })
  .map(({ hours: [startMinute = 0, endMinute = 0], ...span }) => ({
    ...span,
    startMinute,
    endMinute,
  }));
const once = fc
  .tuple(oneOf(...TIMES_MS), oneOf(1, 3_600_000, 86_400_000))
  .map(([fromMs, lastsMs]) => ({
    kind: 'once' as const,
    fromMs,
    toMs: fromMs + lastsMs,
  }));

const optional: { requiredKeys: ('type' | 'negate')[] } = { requiredKeys: ['type', 'negate'] };
const negate = oneOf(false, false, true);
const kind = <const T extends string>(type: T) => ({ type: fc.constant(type), negate });

const plain: fc.Arbitrary<PlainDefinition> = fc.oneof(
  fc.record({ ...kind('environment'), environments: some('production', 'STAGING', 'dev') }),
  fc.record({ ...kind('provider'), providers: some('azure', 'Copilot', 'other') }),
  fc.record({ ...kind('agent'), agents: some('bot', 'llm', 'crawler') }),
  fc.record(
    {
      ...kind('principal'),
      organizations: some(...TENANTS),
      users: some('alice', 'Bob'),
      teams: some('hr', 'it'),
      roles: some('admin', 'intern', 'Auditor'),
    },
    optional,
  ),
  fc.record({ ...kind('data_classification'), tags: some('pii', 'PHI', 'secret') }),
  fc.record({
    ...kind('attribute'),
    name: oneOf('region', 'risk', 'constructor'),
    equals: some<string | number | boolean>('eu', 'us', 3, true),
  }),
  fc.record({ ...kind('time_window'), businessHours: weekly }),
  fc.record({
    ...kind('time_window'),
    maintenanceWindows: fc.array(fc.oneof(weekly, once), { minLength: 1, maxLength: 2 }),
  }),
  fc.record(
    {
      ...kind('location'),
      countries: some('DE', 'US'),
      ipRanges: some('10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '2001:db8::/32', '::/0'),
    },
    optional,
  ),
  fc.record({
    ...kind('estimate'),
    above: fc.record(
      {
        costMicroUsd: oneOf(0n, 500_000n),
        inputTokens: oneOf(0n, 10n),
        outputTokens: oneOf(0n, 10n),
        totalTokens: oneOf(5n, 20n),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ ...kind('cel'), expression: oneOf(...Object.keys(CEL)) }),
);

const condition: fc.Arbitrary<ConditionDefinition> = fc.oneof(
  { weight: 8, arbitrary: plain },
  {
    weight: 1,
    arbitrary: fc.record({
      ...kind('any'),
      conditions: fc.array(plain, { minLength: 1, maxLength: 3 }),
    }),
  },
);

const policy = fc.record({
  effect: oneOf('allow' as const, 'deny' as const),
  priority: fc.integer({ min: 1, max: 4 }),
  enabled: oneOf(true, true, true, true, true, false),
  shadow: oneOf(false, false, false, false, false, true),
  tenants: oneOf(undefined, undefined, ['acme'], ['globex'], [...TENANTS]),
  conditions: fc.array(condition, { maxLength: 3, size: 'max' }),
  obligations: fc.array(fc.record({ name: oneOf('redact', 'log'), parameters: fc.constant({}) }), {
    maxLength: 2,
    size: 'max',
  }),
});

const MOST_POLICIES = 40;
/** Has no factor in common with the number of ids, so no id comes twice, and in no order. */
const STEP = 17;

/** Up to forty policies, none of them of the same id. */
export const policies: fc.Arbitrary<PolicyDefinition[]> = fc
  .array(policy, { maxLength: MOST_POLICIES, size: 'max' })
  .map((all) =>
    all.map((one, index) => {
      const id = `p${(index * STEP) % (MOST_POLICIES + 1)}`;
      return { ...one, id, name: id };
    }),
  );

/** A request; any of its facts may be missing. */
export const request: fc.Arbitrary<PolicyFacts> = fc.record({
  tenant: oneOf('', 'acme', 'acme', 'globex', 'initech'),
  agent: oneOf('', 'bot', 'llm', 'crawler', 'BOT'),
  provider: oneOf('', 'azure', 'copilot', 'COPILOT', 'unheard'),
  environment: oneOf('', 'production', 'Production', 'staging', 'dev', 'test'),
  user: oneOf('', 'alice', 'bob', 'eve'),
  team: oneOf('', 'hr', 'it', 'ops'),
  roles: oneOf([], ['admin'], ['intern'], ['auditor', 'admin'], ['guest']),
  country: oneOf('', 'DE', 'de', 'US', 'FR'),
  sourceIp: oneOf(
    ...['', 'nowhere', '10.1.2.3', '10.9.9.9', '192.0.2.1'],
    ...['::ffff:10.1.2.3', '2001:db8::17', '2001:db9::'],
  ),
  dataClassification: oneOf([], ['pii'], ['phi'], ['public'], ['public', 'secret']),
  costMicroUsd: oneOf(0n, 500_000n, 500_001n),
  inputTokens: oneOf(0n, 0n, 1n, 10n, 11n),
  outputTokens: oneOf(0n, 0n, 5n, 20n),
  attributes: oneOf<Record<string, unknown>>(
    {},
    { region: 'eu' },
    { region: 'ap', risk: 3 },
    { risk: 2 },
    { risk: 'high', region: true },
    { region: null },
  ),
  nowMs: oneOf(...TIMES_MS),
});
