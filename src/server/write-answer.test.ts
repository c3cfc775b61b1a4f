import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decision, WindowStatus } from '../decision/decision.ts';
import { AuthorizeResponse, ReserveResponse } from '../gen/tollgate/v1/decision_service.ts';
import { writeAnswer } from './write-answer.ts';
import { writeDecision } from './write-decision.ts';

const MAX_COUNT = 2 ** 53 - 1;
const count = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 2 ** 33 }),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 999_999_999_999_999, MAX_COUNT),
);
/** Not always whole: the meters of this process count fractions. */
const amount = fc.oneof(count, fc.double({ min: 0, max: 1e6, noNaN: true }));
const words = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('', 'user:"alice\\', 'Grüße', 'lone \ud800 surrogate', 'x'.repeat(127)),
);

const window: fc.Arbitrary<WindowStatus> = fc.record({
  limitId: words,
  scope: words,
  unit: words,
  lengthMs: count,
  limit: count,
  remaining: amount,
  resetAfterMs: amount,
  violated: fc.boolean(),
  retryAfterMs: fc.oneof(amount, fc.constant(Infinity)),
  outage: fc.boolean(),
});

const decision: fc.Arbitrary<Decision> = fc
  .record({
    windows: fc.array(window, { maxLength: 24 }),
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    retryAfterMs: fc.oneof(amount, fc.constant(undefined)),
    token: words,
  })
  .map(({ windows, effect, retryAfterMs, token }) => ({
    decisionId: 'dec_1',
    effect,
    reasons: [
      {
        code: 'limit.exceeded',
        message: 'No room.',
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
    ],
    windows,
    accounts: [],
    grant: { maxCostMicroUsd: 5n, maxOutputTokens: undefined, expiresAtMs: 1_000, token },
    obligations: [],
    exemptions: ['board'],
    degraded: false,
    price: undefined,
    explanation: undefined,
    configurationRevision: '7',
    decidedAtMs: 1_700_000_000_123,
  }));

describe('an answer as bytes', () => {
  test('is what the generated encoder makes of the decision', () => {
    fc.assert(
      fc.property(decision, (one) => {
        const message = AuthorizeResponse.encode({ decision: writeDecision(one) }).finish();
        const bytes = writeAnswer(one, new Uint8Array());
        expect(bytes.length).toBe(message.length);
        expect(AuthorizeResponse.decode(bytes)).toEqual(AuthorizeResponse.decode(message));
      }),
    );
  });

  test('holds the other fields beside the decision', () => {
    const reservation = ReserveResponse.fromPartial({ reservation: { reservationId: 'res_1' } });
    fc.assert(
      fc.property(decision, (one) => {
        const bytes = writeAnswer(one, ReserveResponse.encode(reservation).finish());
        const read = ReserveResponse.decode(bytes);
        expect(read.reservation).toEqual(reservation.reservation);
        expect(read.decision?.rateStatus).toHaveLength(one.windows.length);
      }),
      { numRuns: 20 },
    );
  });

  test('a reset that never comes is refused, and the next answer is whole', () => {
    const [some] = fc.sample(decision, 1);
    const endless = { ...fc.sample(window, 1)[0]!, resetAfterMs: Infinity };
    expect(() => writeAnswer({ ...some!, windows: [endless] }, new Uint8Array())).toThrow();
    const bytes = writeAnswer(some!, new Uint8Array());
    const message = AuthorizeResponse.encode({ decision: writeDecision(some!) }).finish();
    expect(AuthorizeResponse.decode(bytes)).toEqual(AuthorizeResponse.decode(message));
  });
});
