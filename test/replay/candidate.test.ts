import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Effect } from '../../src/decision/decision.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import { embeddedFixture, type LedgerFixture } from '../conformance/ledger/fixtures.ts';
import { MINUTE_MS } from '../conformance/ledger/requests.ts';
import { assertPrograms, extentOf } from '../model/soak.ts';
import { callOf, recordingPoint, replayOf, snapshotOf } from '../support/recorded-world.ts';

/** Later than today: records are sealed into the chain by the store's own clock. */
const START_MS = Date.UTC(2040, 10, 18, 12);

const rules = fc.record({
  perHour: fc.integer({ min: 1, max: 8 }),
  tokens: fc.integer({ min: 100, max: 3_000 }),
  teamDay: fc.integer({ min: 0, max: 40 }),
  orgWeek: fc.integer({ min: 1, max: 80 }),
  rollover: fc.integer({ min: 0, max: 20 }),
  countries: fc.constantFrom('FR', 'DE', 'FR, DE'),
});
type Rules = typeof rules extends fc.Arbitrary<infer T> ? T : never;

const configurationOf = (tenant: string, of: Rules): string => `
version: 1
tenants:
  - { id: ${tenant}, name: Test }
agents:
  - { id: copilot, name: Copilot, provider: azure_openai, model: gpt-4 }
policies:
  - { id: work, name: Everybody may work, effect: allow }
  - id: abroad
    name: Nothing leaves the country
    effect: deny
    conditions: [{ type: location, countries: [${of.countries}] }]
limits:
  - { id: pace, scope: user, windows: [{ limit: ${of.perHour}, per: hour }] }
  - { id: tokens, scope: team, unit: tokens, windows: [{ limit: ${of.tokens}, per: hour }] }
budgets:
  - id: team-day
    scope: team
    period: daily
    time_zone: Asia/Kolkata
    caps: { cost_usd: '0.${String(of.teamDay).padStart(2, '0')}' }
    rollover: { cost_usd: '0.${String(of.rollover).padStart(2, '0')}' }
  - { id: org-week, scope: organization, period: weekly, caps: { cost_usd: '0.${of.orgWeek}' } }
`;

const call = fc.record({
  user: fc.constantFrom('alice', 'bob', 'carol'),
  country: fc.constantFrom('US', 'US', 'US', 'DE', 'FR'),
  costMicroUsd: fc.integer({ min: 0, max: 90_000 }).map(BigInt),
  tokens: fc.integer({ min: 0, max: 400 }).map(BigInt),
  moveMs: fc.constantFrom(1, 900, MINUTE_MS, 40 * MINUTE_MS, 700 * MINUTE_MS),
});
type Step = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** Calls that use what they estimate: then nothing has to be assumed. */
describe('a replay by a candidate', () => {
  const extent = extentOf(0.1, 40);
  let fixture: LedgerFixture;
  let stores: LedgerStores;

  beforeAll(async () => {
    fixture = await embeddedFixture();
    stores = fixture.open();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  async function live(tenant: string, of: Rules, steps: readonly Step[]): Promise<Effect[]> {
    const { clock } = fixture;
    clock.set(START_MS);
    const point = recordingPoint(snapshotOf(configurationOf(tenant, of)), stores, clock);
    const effects: Effect[] = [];
    for (const { user, country, costMicroUsd, tokens, moveMs } of steps) {
      clock.advance(moveMs);
      const identity = () => ({ tenant, requestId: randomUUID(), fingerprint: '', traceId: '' });
      const { estimate } = callOf(tenant);
      const answer = await point.reserve({
        ...identity(),
        call: callOf(tenant, {
          user,
          country,
          estimate: { ...estimate, costMicroUsd, inputTokens: tokens },
        }),
        ...{ explain: false, minRevision: 0n, holdForMs: MINUTE_MS },
        ...{ acceptPartial: false, authorizationToken: '' },
      });
      if (answer.kind !== 'decided') throw new Error(answer.kind);
      effects.push(answer.decision.effect);
      const reservationId = answer.reservation?.reservationId;
      if (reservationId === undefined) continue;
      const usage = { costMicroUsd, inputTokens: tokens, outputTokens: 0n, model: '' };
      const rest = { outcome: 'success', durationMs: undefined, errorMessage: '' } as const;
      await point.commit({ ...identity(), reservationId, usage, ...rest });
    }
    return effects;
  }

  it(
    'X9 decides each call as a sidecar with the candidate decides it',
    { timeout: extent.timeoutMs },
    async () => {
      await assertPrograms(
        fc.asyncProperty(
          rules,
          rules,
          fc.array(call, { minLength: 1, maxLength: 25 }),
          async (before, candidate, steps) => {
            const [recorded, lived] = [randomUUID(), randomUUID()];
            const then = await live(recorded, before, steps);
            const now = await live(lived, candidate, steps);
            const snapshot = snapshotOf(configurationOf(recorded, candidate));
            const { lines, report } = await replayOf(stores, snapshot, { tenant: recorded });
            const inOrder = lines.toSorted((a, b) => a.decidedAtMs - b.decidedAtMs);
            expect(inOrder.map(({ before: side }) => side.effect)).toEqual(then);
            expect(inOrder.map(({ after }) => after.effect)).toEqual(now);
            const flips = then.filter((effect, index) => effect !== now[index]).length;
            const { flippedToDenied, flippedToAllowed } = report.totals;
            expect(flippedToDenied + flippedToAllowed).toBe(flips);
          },
        ),
        extent,
      );
    },
  );
});
