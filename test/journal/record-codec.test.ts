import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Caps } from '../../src/budgets/amounts.ts';
import type { AccountStatus, Decision, WindowStatus } from '../../src/decision/decision.ts';
import { decodeRecord, recordFromWire, recordToWire } from '../../src/decision/record-codec.ts';
import { encodeRecord } from '../../src/decision/record-text.ts';
import type { DecisionRecord } from '../../src/decision/record.ts';
import { REASONS, type Reason, type ReasonCode } from '../../src/decision/reasons.ts';

/**
 * Every field is listed, and the types see to it: a field that is added to a record has to be added
 * here.
 */
type Every<T> = { [Key in keyof Required<T>]: Arbitrary<Exclude<T[Key], undefined>> };

function object<T>(fields: { [Key in keyof T]: Arbitrary<T[Key]> }): Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true });
}

/** Any subset of the fields. */
function partial<T extends object>(fields: { [Key in keyof T]: Arbitrary<T[Key]> }): Arbitrary<
  Partial<T>
> {
  const subset = fc.record(fields, { requiredKeys: [], noNullPrototype: true });
  return subset as Arbitrary<unknown> as Arbitrary<Partial<T>>;
}

const words = fc.string({ unit: 'binary', maxLength: 60 });
const whole = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const count = fc.integer({ min: 0, max: 2 ** 40 });
const waitMs = fc.oneof(count, fc.constant(Infinity));
const truth = fc.constantFrom('true' as const, 'false' as const, 'unknown' as const);
const effect = fc.constantFrom('allow' as const, 'deny' as const);
const parameters = fc.dictionary(
  fc.oneof(words, fc.constantFrom('$', '$$', '__proto__')),
  fc.anything({ withBigInt: true, withNullPrototype: false }),
  { maxKeys: 4, noNullPrototype: true },
);
const codes = fc.constantFrom(...(Object.keys(REASONS) as ReasonCode[]));

const amounts = object({
  costMicroUsd: whole,
  inputTokens: whole,
  outputTokens: whole,
  invocations: whole,
});

const reasonFields: Every<Reason> = {
  code: codes,
  message: words,
  ruleKind: fc.constantFrom('policy', 'limit', 'budget', 'agent'),
  rule: words,
  scope: words,
  windowMs: count,
  account: words,
  unit: words,
  limit: whole,
  remaining: whole,
  requested: whole,
  retryAfterMs: waitMs,
};
const { code, message, ...optional } = reasonFields;
const reason = fc
  .tuple(object({ code, message }), partial(optional))
  .map(([one, figures]): Reason => ({ ...one, ...figures }));

const windowFields: Every<WindowStatus> = {
  limitId: words,
  scope: words,
  unit: words,
  lengthMs: count,
  limit: count,
  remaining: count,
  resetAfterMs: waitMs,
  violated: fc.boolean(),
  retryAfterMs: waitMs,
  outage: fc.boolean(),
  taken: count,
};
const { taken, ...untaken } = windowFields;
const window = fc
  .tuple(object(untaken), partial({ taken }))
  .map(([one, more]): WindowStatus => ({ ...one, ...more }));

const anyCaps = partial({
  costMicroUsd: whole,
  inputTokens: whole,
  outputTokens: whole,
  totalTokens: whole,
  invocations: whole,
} satisfies Every<Caps>);

const accountFields: Every<AccountStatus> = {
  account: words,
  budgetId: words,
  owner: words,
  periodStartMs: count,
  periodEndMs: count,
  caps: anyCaps,
  carried: anyCaps,
  soft: fc.boolean(),
  warnPerMille: count,
  degradePerMille: count,
  committed: amounts,
  held: amounts,
  outage: fc.boolean(),
};
const { periodStartMs, periodEndMs, ...always } = accountFields;
const account = fc
  .tuple(object(always), partial({ periodStartMs, periodEndMs }))
  .map(([one, period]): AccountStatus => ({ ...one, ...period }));

const obligation = object({ name: words, source: words, parameters });
const trace = object({
  policyId: words,
  effect,
  applies: truth,
  decided: fc.boolean(),
  conditions: fc.array(object({ condition: words, saw: words, truth, missing: words })),
});
const use = object({ rule: words, scope: words, status: words });

const orUndefined = <T>(some: Arbitrary<T>): Arbitrary<T | undefined> =>
  fc.option(some, { nil: undefined });

const decisionFields: { [Key in keyof Decision]: Arbitrary<Decision[Key]> } = {
  decisionId: words,
  effect,
  reasons: fc.array(reason, { maxLength: 3 }),
  windows: fc.array(window, { maxLength: 3 }),
  accounts: fc.array(account, { maxLength: 3 }),
  grant: orUndefined(
    object({
      maxCostMicroUsd: orUndefined(whole),
      maxOutputTokens: orUndefined(whole),
      expiresAtMs: count,
      token: words,
    }),
  ),
  obligations: fc.array(obligation, { maxLength: 2 }),
  exemptions: fc.array(words, { maxLength: 2 }),
  degraded: fc.boolean(),
  price: orUndefined(
    object({
      baseMicroUsd: whole,
      bufferMicroUsd: whole,
      totalMicroUsd: whole,
      tableVersion: words,
    }),
  ),
  explanation: orUndefined(
    object({
      policy: object({
        effect,
        combining: fc.constantFrom('DENY_OVERRIDES', 'ALLOW_OVERRIDES', 'FIRST_APPLICABLE'),
        deciding: fc.array(trace, { maxLength: 1 }),
        considered: fc.array(trace, { maxLength: 2 }),
        obligations: fc.array(obligation, { maxLength: 1 }),
      }),
      limits: fc.array(use, { maxLength: 1 }),
      budgets: fc.array(use, { maxLength: 1 }),
    }),
  ),
  configurationRevision: words,
  decidedAtMs: count,
};

const recordFields: Every<Omit<DecisionRecord, 'person'>> = {
  requestId: words,
  fingerprint: words,
  operation: fc.constantFrom('authorize', 'reserve', 'extend'),
  traceId: words,
  facts: object({
    tenant: words,
    agent: words,
    agentVersion: words,
    provider: words,
    user: words,
    team: words,
    roles: fc.array(words, { maxLength: 3 }),
    system: words,
    environment: words,
    country: words,
    dataClassification: fc.array(words, { maxLength: 3 }),
    attributes: parameters,
    model: words,
    complexity: fc.constantFrom('simple', 'standard', 'complex'),
    estimated: amounts,
    parentTraceId: words,
    consent: words,
  } satisfies Every<DecisionRecord['facts']>),
  personCommitment: fc.constantFrom('', 'Y29tbWl0bWVudA'),
  decision: object(decisionFields),
  reservationId: words,
};
const record = object(recordFields).map((one) => ({ ...one, person: undefined }));

describe('the written form of a decision record (R54)', () => {
  test('comes back as it was: 64-bit numbers, Infinity, undefined, any text', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(decodeRecord(encodeRecord(one))).toStrictEqual(one);
      }),
    );
  });

  test('is one line, and the same JSON as its plain form', () => {
    fc.assert(
      fc.property(record, (one) => {
        const text = encodeRecord(one);
        expect(text).not.toContain('\n');
        expect(JSON.parse(text)).toStrictEqual(JSON.parse(JSON.stringify(recordToWire(one))));
      }),
    );
  });

  test('leaves the record as it is', () => {
    fc.assert(
      fc.property(record, (one) => {
        const before = structuredClone(one);
        recordFromWire(recordToWire(one));
        expect(one).toStrictEqual(before);
      }),
    );
  });
});
