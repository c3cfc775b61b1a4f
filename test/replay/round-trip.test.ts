import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Decided, DecisionPoint } from '../../src/decision/answers.ts';
import type { Call } from '../../src/decision/call.ts';
import type { ManualClock } from '../../src/lib/clock.ts';
import { embeddedFixture, type LedgerFixture } from '../conformance/ledger/fixtures.ts';
import { MINUTE_MS } from '../conformance/ledger/requests.ts';
import { assertPrograms, extentOf } from '../model/soak.ts';
import { callOf, recordingPoint, replayOf, snapshotOf } from '../support/recorded-world.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';

/** Later than today: records are sealed into the chain by the store's own clock. */
const START_MS = Date.UTC(2040, 10, 18, 12);

const configurationOf = (tenant: string): string => `
version: 1
tenants:
  - { id: ${tenant}, name: Test }
agents:
  - { id: copilot, name: Copilot, provider: azure_openai, model: gpt-4 }
  - { id: 'off', name: Off, provider: azure_openai, enabled: false }
policies:
  - id: work
    name: Everybody may work
    effect: allow
    conditions:
      - { type: environment, environments: [production] }
  - id: abroad
    name: Nothing leaves the country
    effect: deny
    conditions:
      - { type: location, countries: [FR] }
  - id: cases
    name: Closed cases are closed
    effect: deny
    conditions:
      - { type: attribute, name: case, equals: [closed] }
limits:
  - id: per-user
    scope: user
    windows: [{ limit: 6, per: minute }, { limit: 20, per: hour }]
  - id: tokens
    scope: team
    unit: tokens
    windows: [{ limit: 3000, per: hour }]
  - id: at-once
    scope: team
    unit: concurrency
    windows: [{ limit: 4, per: minute }]
budgets:
  - id: team-day
    scope: team
    period: daily
    time_zone: America/New_York
    caps: { cost_usd: '0.70', total_tokens: 9000 }
    rollover: { cost_usd: '0.30' }
  - id: org
    scope: organization
    period: total
    caps: { cost_usd: '2' }
  - id: user-week
    scope: user
    period: weekly
    mode: soft
    caps: { cost_usd: '0.60' }
`;

function mostly<T>(usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const step = fc.record({
  doing: fc.constantFrom(
    ...(['reserve', 'reserve', 'reserve', 'authorize', 'with token'] as const),
    ...(['commit', 'commit', 'release', 'extend', 'expire'] as const),
  ),
  user: fc.constantFrom('alice', 'bob'),
  agent: mostly('copilot', 'off', 'nobody'),
  environment: mostly('production', 'staging'),
  country: mostly('DE', '', 'FR'),
  attributes: mostly<Call['attributes']>({ case: 'open' }, { case: 'closed' }, {}),
  tokens: fc.integer({ min: 0, max: 900 }).map(BigInt),
  costMicroUsd: fc.option(fc.integer({ min: 0, max: 400_000 }).map(BigInt), {
    freq: 4,
    nil: undefined,
  }),
  used: fc.integer({ min: 0, max: 1_200 }).map(BigInt),
  partial: fc.boolean(),
  which: fc.nat({ max: 9 }),
  moveMs: fc.constantFrom(1, 900, 20_000, 3 * MINUTE_MS, 90 * MINUTE_MS, 900 * MINUTE_MS),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/**
 * Whatever callers do, what the sidecar's pipeline decided on real stores is decided the same again
 * from the record.
 */
describe('a replay by the configuration that was in force', () => {
  const extent = extentOf(0.1, 40);
  let fixture: LedgerFixture;
  let stores: LedgerStores;

  beforeAll(async () => {
    fixture = await embeddedFixture();
    stores = fixture.open();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  it('X9 flips nothing and charges the same', { timeout: extent.timeoutMs }, async () => {
    await assertPrograms(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const tenant = randomUUID();
        const { clock } = fixture;
        clock.set(START_MS + 20_000 * MINUTE_MS);
        await stores.ledger.expire(10_000);
        clock.set(START_MS);
        const snapshot = snapshotOf(configurationOf(tenant));
        const callers = new Callers(tenant, recordingPoint(snapshot, stores, clock), stores, clock);
        for (const one of steps) await callers.run(one);

        const { report, lines } = await replayOf(stores, snapshot, { tenant });
        const { coverage, totals, flips } = report;
        expect(flips).toEqual([]);
        expect(coverage.endsWithoutCall + coverage.extensionsWithoutCall).toBe(0);
        expect(coverage.decisions).toBe(lines.length - callers.extensions + coverage.byToken);
        expect(totals.spentAfterMicroUsd).toBe(totals.spentBeforeMicroUsd);
        expect(totals.spentAfterMicroUsd).toBe(await callers.spent());
        for (const { before, after } of lines) {
          expect(after.effect).toBe(before.effect);
          expect(after.committedMicroUsd).toBe(before.committedMicroUsd);
        }
      }),
      extent,
    );
  });
});

class Callers {
  extensions = 0;
  readonly #tenant: string;
  readonly #point: DecisionPoint;
  readonly #stores: LedgerStores;
  readonly #clock: ManualClock;
  readonly #held: string[] = [];

  constructor(tenant: string, point: DecisionPoint, stores: LedgerStores, clock: ManualClock) {
    this.#tenant = tenant;
    this.#point = point;
    this.#stores = stores;
    this.#clock = clock;
  }

  async run(one: Step): Promise<void> {
    this.#clock.advance(one.moveMs);
    const call = this.#callOf(one);
    switch (one.doing) {
      case 'reserve':
        return this.#reserve(call, one, '');
      case 'authorize':
        await this.#authorize(call);
        return;
      case 'with token': {
        const { decision } = await this.#authorize(call);
        this.#clock.advance(one.moveMs % 50_000);
        if (decision.effect === 'deny') return;
        return this.#reserve(call, one, decision.grant?.token ?? '');
      }
      case 'expire':
        await this.#stores.ledger.expire(1_000);
        return;
      case 'commit':
      case 'release':
      case 'extend':
        return this.#change(one);
    }
  }

  /** In the account that everything is charged to. */
  async spent(): Promise<bigint> {
    const page = await this.#stores.ledger.accounts({
      tenant: this.#tenant,
      budgetId: 'org',
      pageSize: 1,
    });
    return 'items' in page ? (page.items[0]?.committed.costMicroUsd ?? 0n) : -1n;
  }

  async #authorize(call: Call): Promise<Decided> {
    const answer = await this.#point.authorize({
      ...this.#identity(),
      call,
      explain: false,
      minRevision: 0n,
    });
    if (answer.kind !== 'decided') throw new Error(answer.kind);
    return answer;
  }

  async #reserve(call: Call, { partial, which }: Step, authorizationToken: string): Promise<void> {
    const answer = await this.#point.reserve({
      ...this.#identity(),
      call,
      explain: false,
      minRevision: 0n,
      holdForMs: (which + 1) * MINUTE_MS,
      acceptPartial: partial,
      authorizationToken,
    });
    if (answer.kind !== 'decided') throw new Error(answer.kind);
    if (answer.reservation) this.#held.push(answer.reservation.reservationId);
  }

  async #change({ doing, which, used, tokens, costMicroUsd }: Step): Promise<void> {
    const reservationId = this.#held[which % Math.max(1, this.#held.length)];
    if (reservationId === undefined) return;
    const identity = { ...this.#identity(), reservationId };
    if (doing === 'release') {
      await this.#point.release({ ...identity, reason: '' });
    } else if (doing === 'commit') {
      const usage = { costMicroUsd, inputTokens: used, outputTokens: tokens, model: '' };
      const rest = { outcome: 'success', durationMs: undefined, errorMessage: '' } as const;
      await this.#point.commit({ ...identity, usage, ...rest });
    } else {
      const none = { costMicroUsd: 0n, inputTokens: 0n, outputTokens: 0n, invocations: 0n };
      const add = { ...none, costMicroUsd: costMicroUsd ?? 0n, outputTokens: tokens };
      const answer = await this.#point.extend({ ...identity, add, holdForMs: 10 * MINUTE_MS });
      if (answer.kind === 'decided') this.extensions += 1;
    }
  }

  #identity() {
    return { tenant: this.#tenant, requestId: randomUUID(), fingerprint: 'body', traceId: '' };
  }

  #callOf({ user, agent, environment, country, attributes, tokens, costMicroUsd }: Step): Call {
    const { estimate } = callOf(this.#tenant);
    return callOf(this.#tenant, {
      ...{ user, agent, environment, country, attributes },
      estimate: { ...estimate, costMicroUsd, inputTokens: tokens, outputTokens: tokens / 2n },
    });
  }
}
