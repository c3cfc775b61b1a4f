import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AccountSpec } from '../../src/budgets/account.ts';
import { METRICS, type Amounts, type Caps } from '../../src/budgets/amounts.ts';
import type { BudgetLedger, HoldRequest } from '../../src/decision/ports.ts';
import { MemoryLedger } from '../../src/stores/memory/memory-ledger.ts';
import { embeddedFixture, type LedgerFixture } from '../conformance/ledger/fixtures.ts';
import {
  accountOf,
  commitOf,
  extendOf,
  holdOf,
  MINUTE_MS,
  releaseOf,
} from '../conformance/ledger/requests.ts';
import { assertPrograms, extentOf } from './soak.ts';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Clocks change at midnight or near it in these, forward or back, or stand at odd offsets. */
const ZONES = ['UTC', 'Europe/Berlin', 'America/Havana', 'Africa/Cairo', 'Asia/Kathmandu'];
const STARTS_MS = [Date.UTC(2026, 2, 7, 20), Date.UTC(2026, 9, 24, 20), Date.UTC(2026, 11, 30, 9)];

const some = fc.integer({ min: 0, max: 12 }).map(BigInt);
const amounts: fc.Arbitrary<Amounts> = fc.record({
  costMicroUsd: some,
  inputTokens: some,
  outputTokens: some,
  invocations: fc.constant(1n),
});
const caps = fc
  .array(fc.option(fc.integer({ min: 0, max: 60 }), { freq: 2, nil: undefined }), {
    minLength: METRICS.length,
    maxLength: METRICS.length,
  })
  .map((values): Caps =>
    Object.fromEntries(
      METRICS.flatMap((metric, index) => {
        const cap = values[index];
        return cap === undefined ? [] : [[metric, BigInt(cap)]];
      }),
    ),
  );
const budgets = fc.array(
  fc.record({
    period: fc.constantFrom('daily', 'weekly', 'monthly', 'total'),
    timeZone: fc.constantFrom(...ZONES),
    caps,
    rollover: fc.oneof(fc.constant({}), caps),
    soft: fc.constantFrom(false, false, true),
  }),
  { minLength: 1, maxLength: 3 },
);
const step = fc.record({
  doing: fc.constantFrom('hold', 'hold', 'hold', 'commit', 'release', 'extend', 'expire', 'read'),
  amounts,
  partial: fc.boolean(),
  token: fc.option(fc.nat({ max: 3 }), { freq: 4, nil: undefined }),
  which: fc.nat({ max: 20 }),
  moveMs: fc.constantFrom(0, 0, 5 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS, 9 * DAY_MS),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Every answer whole, in five metrics and over periods: the same from memory and from SQL. */
describe('the ledger in memory against the embedded one', () => {
  const extent = extentOf(0.25, 80);
  let fixture: LedgerFixture;
  let real: BudgetLedger;

  beforeAll(async () => {
    fixture = await embeddedFixture();
    real = fixture.open().ledger;
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  it('R3 R4 R5 R6 R8 X5 X6 X8 random programs', { timeout: extent.timeoutMs }, async () => {
    await assertPrograms(
      fc.asyncProperty(
        fc.constantFrom(...STARTS_MS),
        budgets,
        fc.array(step, { minLength: 1, maxLength: 20 }),
        async (startMs, configured, steps) => {
          const { clock } = fixture;
          clock.set(startMs + 10_000 * DAY_MS);
          await real.expire(10_000);
          clock.set(startMs);
          const memory = new MemoryLedger({ clock, remembered: 1_000 });
          const program = new Program(configured);
          for (const one of steps) {
            clock.advance(one.moveMs);
            const ask = program.next(one);
            expect(await ask(memory)).toEqual(await ask(real));
          }
        },
      ),
      extent,
    );
  });
});

class Program {
  readonly #tenant = randomUUID();
  readonly #specs: readonly AccountSpec[];
  readonly #holds: HoldRequest[] = [];

  constructor(configured: readonly Partial<AccountSpec>[]) {
    this.#specs = configured.map((one, index) => accountOf({ ...one, budgetId: `b${index}` }));
  }

  next({ doing, amounts: asked, partial, token, which }: Step) {
    const target = this.#holds[which % Math.max(1, this.#holds.length)];
    if (doing === 'read') {
      return async (ledger: BudgetLedger): Promise<unknown> => [
        await ledger.read(this.#tenant, this.#specs),
        await ledger.accounts({ tenant: this.#tenant, pageSize: 100 }),
      ];
    }
    if (doing === 'expire') return (ledger: BudgetLedger) => ledger.expire(1_000);
    if (doing === 'hold' || !target) {
      const request = holdOf(this.#tenant, this.#specs.slice(which % this.#specs.length), {
        amounts: asked,
        acceptPartial: partial,
        authorizedBy: token === undefined ? '' : `dec_${token}`,
        holdForMs: (which + 1) * MINUTE_MS,
      });
      this.#holds.push(request);
      return (ledger: BudgetLedger) => ledger.hold(request);
    }
    if (doing === 'extend') {
      const more = extendOf(target, { ...asked, invocations: 0n }, { holdForMs: HOUR_MS });
      return (ledger: BudgetLedger) => ledger.extend(more);
    }
    if (doing === 'release') {
      const request = releaseOf(target);
      return (ledger: BudgetLedger) => ledger.release(request);
    }
    const request = commitOf(target, asked);
    return (ledger: BudgetLedger) => ledger.commit(request);
  }
}
