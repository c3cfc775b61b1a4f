import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AccountSpec } from '../../src/budgets/account.ts';
import type { ExtendOutcome, SettleOutcome } from '../../src/decision/ports.ts';
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
  MINUTE_MS,
  releaseOf,
  START_MS,
} from '../conformance/ledger/requests.ts';
import { memoryLedgerFixture } from '../support/memory-ledger.ts';
import { LedgerModel, type ModelOp } from './ledger-model.ts';
import { assertPrograms, extentOf } from './soak.ts';

const BUDGETS = ['a', 'b', 'c'] as const;

const ask = fc.record({
  doing: fc.constantFrom(
    'hold',
    'hold',
    'hold',
    'commit',
    'commit',
    'release',
    'extend',
    'repeat',
    'clash',
  ),
  cost: fc.integer({ min: 0, max: 6 }),
  budgets: fc.subarray([...BUDGETS]),
  partial: fc.boolean(),
  token: fc.option(fc.nat({ max: 2 }), { freq: 4 }),
  holdForMs: fc.integer({ min: 1, max: 5 }).map((minutes) => minutes * MINUTE_MS),
  which: fc.nat({ max: 30 }),
});
const step = fc.record({
  asks: fc.array(ask, { minLength: 1, maxLength: 8 }),
  moveMs: fc.constantFrom(0, 0, MINUTE_MS, 7 * MINUTE_MS),
  expire: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 2 }),
  /** Undefined leaves the caps as they are; 13 stands for no cap. */
  caps: fc.option(fc.tuple(...BUDGETS.map(() => fc.integer({ min: 0, max: 13 }))), { freq: 3 }),
  softC: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Ask = Step['asks'][number];

/**
 * Random programs: whatever one batch of the ledger answers, the model answers; and so do the
 * accounts.
 */
describe.each([
  ['embedded', embeddedFixture, extentOf(0.25, 60)],
  ['postgres', postgresFixture, extentOf(0.25, 60)],
  ['memory', memoryLedgerFixture, extentOf(0.25, 60)],
] as const)('the ledger on %s against its model', (name, open, extent) => {
  let fixture: LedgerFixture;
  let stores: LedgerStores;

  beforeAll(async () => {
    fixture = await open();
    stores = fixture.open({ lanes: 1 });
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  it(
    'X2 X3 X5 X6 random programs agree op for op, and the books verify',
    { timeout: extent.timeoutMs },
    async () => {
      await assertPrograms(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
          const program = new Program(stores, fixture, name !== 'memory');
          await program.begin();
          for (const one of steps) await program.run(one);
          await expectVerified(stores, program.tenant);
        }),
        extent,
      );
    },
  );
});

class Program {
  readonly tenant = randomUUID();
  readonly #stores: LedgerStores;
  readonly #fixture: LedgerFixture;
  /** Whether what is asked at once is decided as one batch. */
  readonly #batches: boolean;
  readonly #model = new LedgerModel();
  readonly #done: ModelOp[] = [];
  #caps: readonly number[] = [10, 8, 6];
  #softC = false;

  constructor(stores: LedgerStores, fixture: LedgerFixture, batches: boolean) {
    this.#stores = stores;
    this.#fixture = fixture;
    this.#batches = batches;
  }

  /** Sweeps what the program before left open, because the sweep is of all tenants. */
  async begin(): Promise<void> {
    this.#fixture.clock.set(START_MS + 1_000 * MINUTE_MS);
    await this.#stores.ledger.expire(10_000);
    this.#fixture.clock.set(START_MS);
  }

  async run({ asks, moveMs, expire, caps, softC }: Step): Promise<void> {
    const { clock } = this.#fixture;
    clock.advance(moveMs);
    this.#caps = caps ?? this.#caps;
    this.#softC = softC;
    const ops = asks.flatMap((one) => this.#opOf(one));
    const batches = this.#batches ? [ops] : ops.map((op) => [op]);
    for (const batch of batches) {
      const outcomes = await Promise.all(batch.map((op) => this.#send(op)));
      expect(outcomes.map(lineOf)).toEqual(this.#model.batch(batch, clock.nowMs()));
    }
    this.#done.push(...ops);
    if (expire !== null) await this.#expire(expire);
    await this.#compareAccounts();
  }

  /**
   * Ties in expiry may be broken either way, so all that is overdue goes, in as many sweeps as it
   * takes.
   */
  async #expire(most: number): Promise<void> {
    const nowMs = this.#fixture.clock.nowMs();
    for (let expected = Infinity; expected > 0;) {
      expected = this.#model.expire(most, nowMs);
      expect(await this.#stores.ledger.expire(most)).toBe(expected);
    }
  }

  async #compareAccounts(): Promise<void> {
    const page = await this.#stores.ledger.accounts({ tenant: this.tenant, pageSize: 10 });
    if ('kind' in page) throw new Error(page.problem);
    const real = page.items.map(({ budgetId, held, committed }) => [
      budgetId,
      held.costMicroUsd,
      committed.costMicroUsd,
    ]);
    const expected = [...this.#model.accounts].map(([name, { held, committed }]) => [
      name,
      held,
      committed,
    ]);
    expect(real).toEqual(expected.toSorted());
  }

  #opOf({ doing, cost, budgets, partial, token, holdForMs, which }: Ask): ModelOp[] {
    const holds = this.#done.flatMap((op) => (op.kind === 'hold' ? [op.request] : []));
    const target = holds[which % Math.max(1, holds.length)];
    const earlier = this.#done[which % Math.max(1, this.#done.length)];
    const amounts = { costMicroUsd: BigInt(cost) };
    if (doing === 'hold' || !target || !earlier) {
      const authorizedBy = token === null ? '' : `dec_${token}`;
      const change = { amounts, acceptPartial: partial, holdForMs, authorizedBy };
      return [
        {
          kind: 'hold',
          request: holdOf(
            this.tenant,
            budgets.map((b) => this.#spec(b)),
            change,
          ),
        },
      ];
    }
    if (doing === 'commit') return [{ kind: 'commit', request: commitOf(target, amounts) }];
    if (doing === 'release') return [{ kind: 'release', request: releaseOf(target) }];
    if (doing === 'extend') {
      return [{ kind: 'extend', request: extendOf(target, amounts, partial ? { holdForMs } : {}) }];
    }
    if (doing === 'repeat') return [earlier];
    return [{ ...earlier, request: { ...earlier.request, fingerprint: 'another' } } as ModelOp];
  }

  #spec(budgetId: (typeof BUDGETS)[number]): AccountSpec {
    const cap = this.#caps[BUDGETS.indexOf(budgetId)] ?? 0;
    const caps = cap === 13 ? {} : { costMicroUsd: BigInt(cap) };
    return accountOf({ budgetId, caps, soft: budgetId === 'c' && this.#softC });
  }

  #send(op: ModelOp): Promise<ExtendOutcome | SettleOutcome> {
    const { ledger } = this.#stores;
    switch (op.kind) {
      case 'hold':
        return ledger.hold(op.request);
      case 'commit':
        return ledger.commit(op.request);
      case 'release':
        return ledger.release(op.request);
      case 'extend':
        return ledger.extend(op.request);
    }
  }
}

/** An outcome as the model writes it. */
function lineOf(outcome: ExtendOutcome | SettleOutcome): string {
  const again = 'replayed' in outcome && outcome.replayed ? 'again ' : '';
  switch (outcome.kind) {
    case 'held': {
      const { held, expiresAtMs } = outcome.reservation;
      return `${again}held ${held.costMicroUsd} until ${expiresAtMs}`;
    }
    case 'denied':
      return `${again}denied ${outcome.cause}`;
    case 'settled': {
      const { state, committed } = outcome.reservation;
      const { overrunMicroUsd, late } = outcome;
      return `${again}settled ${state} ${committed.costMicroUsd} over ${overrunMicroUsd} late ${late}`;
    }
    case 'wrong_state':
      return `wrong_state ${outcome.state}`;
    case 'unavailable':
      return outcome.problem;
    case 'conflict':
    case 'not_found':
    case 'overloaded':
      return outcome.kind;
  }
}
