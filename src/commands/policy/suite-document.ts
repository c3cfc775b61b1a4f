import { z } from 'zod';
import { MAX_CONDITIONS, MAX_ENTRIES } from '../../configuration/bounds.ts';
import { anything, choice, identifier, instant, money, text } from '../../configuration/fields.ts';
import { REFUSED, scalar } from '../../configuration/scalar.ts';
import { didYouMean } from '../../configuration/suggest.ts';
import { COMPLEXITIES } from '../../decision/call.ts';
import { type ReasonCode, REASONS } from '../../decision/reasons.ts';

/** The shape of a suite (*.test.yaml). Calls are checked further as the server checks them. */

/** Most tests of one run; more are a program's output, and belong into a bench. */
export const MAX_TESTS = 10_000;

/** Empty text is a fact that is not known. */
const fact = scalar<string>({
  expected: 'text',
  json: { type: 'string' },
  read: (value) => (typeof value === 'string' ? { ok: value } : REFUSED),
});

const count = scalar<bigint>({
  expected: 'a whole number, 0 or more',
  json: { type: 'integer', minimum: 0 },
  read: (value) => (typeof value === 'number' && value >= 0 ? { ok: BigInt(value) } : REFUSED),
});

const call = z.strictObject({
  tenant: fact.optional(),
  agent: fact.optional(),
  environment: fact.optional(),
  principal: z
    .strictObject({
      user: fact.optional(),
      team: fact.optional(),
      roles: z.array(fact).optional(),
    })
    .optional(),
  origin: z.strictObject({ country: fact.optional(), source_ip: fact.optional() }).optional(),
  data_classification: z.array(fact).optional(),
  attributes: z.record(text, anything).optional(),
  estimate: z
    .strictObject({
      cost_usd: money.optional(),
      input_tokens: count.optional(),
      output_tokens: count.optional(),
      complexity: choice(COMPLEXITIES).optional(),
      model: fact.optional(),
    })
    .optional(),
});

/** A suite ends where windows and money begin, so only these can be given. */
const CODES: readonly ReasonCode[] = (Object.keys(REASONS) as ReasonCode[]).filter((code) =>
  /^(agent|policy)[.]/.test(code),
);

/** "policy.denied", or "policy.denied block-development". */
const reason = scalar<string>({
  expected: 'a reason code such as "policy.denied", and the policy after it if that matters',
  json: { type: 'string' },
  read: (value) => {
    if (typeof value !== 'string') return REFUSED;
    const [code = '', ...rule] = value.split(' ');
    if (!CODES.some((one) => one === code)) return { no: didYouMean(code, CODES) };
    return rule.length > 1 ? REFUSED : { ok: value };
  },
});

const expectation = z.strictObject({
  effect: choice(['allow', 'deny']),
  reasons: z.array(reason).max(MAX_ENTRIES).optional(),
  obligations: z
    .array(identifier)
    .max(MAX_ENTRIES * MAX_CONDITIONS)
    .optional(),
  deciding: z.array(identifier).max(MAX_ENTRIES).optional(),
});

/** One line, so that a report stays one line a test. */
const title = scalar<string>({
  expected: 'one line of at most 256 characters',
  json: { type: 'string', minLength: 1, maxLength: 256 },
  read: (value) => {
    const fits = typeof value === 'string' && value.length > 0 && value.length <= 256;
    return fits && !/\p{Cc}/u.test(value) ? { ok: value } : REFUSED;
  },
});

export const suiteSchema = z
  .strictObject({
    configuration: text,
    at: instant.optional(),
    defaults: call.prefault({}),
    tests: z
      .array(
        z.strictObject({
          name: title,
          at: instant.optional(),
          call: call.prefault({}),
          expect: expectation,
        }),
      )
      .min(1)
      .max(MAX_TESTS),
  })
  .superRefine(({ at, tests }, context) => {
    if (at !== undefined) return;
    for (const [index, test] of tests.entries()) {
      if (test.at !== undefined) continue;
      const message =
        'is required, here or for the whole suite: expected a moment with its offset, such as "2026-03-09T14:00:00Z"';
      context.addIssue({ code: 'custom', path: ['tests', index, 'at'], message });
    }
  });

export type SuiteDocument = z.output<typeof suiteSchema>;
export type WrittenCall = SuiteDocument['defaults'];
