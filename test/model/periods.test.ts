import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AccountReading, AccountSpec } from '../../src/budgets/account.ts';
import type { HoldRequest } from '../../src/decision/ports.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import {
  embeddedFixture,
  postgresFixture,
  type LedgerFixture,
} from '../conformance/ledger/fixtures.ts';
import {
  accountOf,
  commitOf,
  expectVerified,
  extendOf,
  holdOf,
  releaseOf,
} from '../conformance/ledger/requests.ts';
import { memoryLedgerFixture } from '../support/memory-ledger.ts';
import { PeriodModel, type Configured, type PeriodRules } from './period-model.ts';
import { assertPrograms, extentOf } from './soak.ts';

const DAY_MS = 86_400_000;
/** In the evening of New York, days before its clocks go back. */
const START_MS = Date.UTC(2026, 9, 29, 1);
const ALERTS = [500, 800, 1000];

const step = fc.record({
  doing: fc.constantFrom('hold', 'hold', 'hold', 'commit', 'commit', 'release', 'extend'),
  amount: fc.nat({ max: 60 }),
  which: fc.nat({ max: 20 }),
  /** Days are skipped, months now and then. */
  moveMs: fc.constantFrom(0, 0, 0, DAY_MS / 3, DAY_MS, 3 * DAY_MS, 31 * DAY_MS, 100 * DAY_MS),
  /** Undefined leaves the configuration as it is. */
  configured: fc.option(
    fc.record({
      cap: fc.constantFrom(0, 40, 100, 150),
      rollover: fc.constantFrom(0, 20, 70),
      soft: fc.constantFrom(false, false, false, true),
    }),
    { freq: 5, nil: undefined },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const rules = fc.record({
  period: fc.constantFrom('daily' as const, 'monthly' as const),
  timeZone: fc.constantFrom('UTC', 'America/New_York', 'Asia/Kolkata'),
});

/**
 * Many periods, what is carried between them and what is told, against a model without any state.
 */
describe.each([
  ['embedded', embeddedFixture, extentOf(0.25, 60)],
  ['postgres', postgresFixture, extentOf(0.25, 60)],
  ['memory', memoryLedgerFixture, extentOf(0.25, 60)],
] as const)('periods of the ledger on %s against their model', (name, open, extent) => {
  let fixture: LedgerFixture;
  let stores: LedgerStores;

  beforeAll(async () => {
    fixture = await open();
    stores = fixture.open();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  it('R8 R11 X6 random programs agree op for op', { timeout: extent.timeoutMs }, async () => {
    await assertPrograms(
      fc.asyncProperty(
        rules,
        fc.array(step, { minLength: 1, maxLength: 25 }),
        async (of, steps) => {
          const program = new PeriodProgram(fixture, stores, { ...of, alerts: ALERTS });
          for (const one of steps) await program.run(one);
          if (name !== 'memory') await program.compareAlerts();
          await expectVerified(stores, program.tenant);
        },
      ),
      extent,
    );
  });
});

class PeriodProgram {
  readonly tenant = randomUUID();
  readonly #fixture: LedgerFixture;
  readonly #stores: LedgerStores;
  readonly #rules: PeriodRules;
  readonly #model: PeriodModel;
  readonly #calls: HoldRequest[] = [];
  #configured: Configured = { cap: 100, rollover: 30, soft: false };

  constructor(fixture: LedgerFixture, stores: LedgerStores, of: PeriodRules) {
    this.#fixture = fixture;
    this.#stores = stores;
    this.#rules = of;
    this.#model = new PeriodModel(of);
    fixture.clock.set(START_MS);
  }

  async run({ doing, amount, which, moveMs, configured }: Step): Promise<void> {
    this.#fixture.clock.advance(moveMs);
    this.#configured = configured ?? this.#configured;
    const number = which % Math.max(1, this.#calls.length);
    const call = this.#calls[number];
    if (doing === 'hold' || !call) await this.#hold(amount);
    else await this.#change(doing, call, number, amount);
    await this.#compareAccounts();
  }

  async compareAlerts(): Promise<void> {
    const rows = await this.#fixture.sql.query<{ event_key: string }>(
      `select event_key from tollgate.outbox
        where tenant = $1 and kind = 'budget.threshold' order by event_key`,
      [this.tenant],
    );
    const told = rows.map(({ event_key }) => event_key.slice(event_key.lastIndexOf('/') + 1));
    expect(told.toSorted()).toEqual(this.#model.told.toSorted());
  }

  async #hold(amount: number): Promise<void> {
    const request = holdOf(this.tenant, [this.#spec()], {
      amounts: { costMicroUsd: BigInt(amount) },
      holdForMs: 10_000 * DAY_MS,
    });
    this.#calls.push(request);
    const nowMs = this.#fixture.clock.nowMs();
    const expected = this.#model.hold(nowMs, amount, this.#configured) ? 'held' : 'denied';
    expect((await this.#stores.ledger.hold(request)).kind).toBe(expected);
  }

  async #change(
    doing: Exclude<Step['doing'], 'hold'>,
    call: HoldRequest,
    number: number,
    amount: number,
  ): Promise<void> {
    const costMicroUsd = BigInt(amount);
    const { ledger } = this.#stores;
    if (doing === 'extend') {
      const outcome = await ledger.extend(extendOf(call, { costMicroUsd }, {}));
      const expected = this.#model.extend(number, amount);
      expect(outcome.kind === 'not_found' ? 'wrong_state' : outcome.kind).toBe(expected);
      return;
    }
    const applies =
      doing === 'commit' ? this.#model.commit(number, amount) : this.#model.release(number);
    const outcome = await (doing === 'commit'
      ? ledger.commit(commitOf(call, { costMicroUsd }))
      : ledger.release(releaseOf(call)));
    expect(outcome.kind === 'settled').toBe(applies);
  }

  async #compareAccounts(): Promise<void> {
    const page = await this.#stores.ledger.accounts({ tenant: this.tenant, pageSize: 100 });
    if ('kind' in page) throw new Error(page.problem);
    expect(page.items.map(lineOf)).toEqual(this.#model.lines());
  }

  #spec(): AccountSpec {
    const { cap, rollover, soft } = this.#configured;
    const { period, timeZone } = this.#rules;
    return accountOf({
      budgetId: 'b',
      period,
      timeZone,
      soft,
      caps: { costMicroUsd: BigInt(cap) },
      rollover: rollover === 0 ? {} : { costMicroUsd: BigInt(rollover) },
      alertPerMille: ALERTS,
    });
  }
}

function lineOf({ account, caps, carried, held, committed }: AccountReading): string {
  const name = account.slice(account.lastIndexOf('/') + 1);
  const amounts = [caps, { costMicroUsd: carried.costMicroUsd ?? 0n }, held, committed];
  return [name, ...amounts.map((one) => one.costMicroUsd)].join(' ');
}
