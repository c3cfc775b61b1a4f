import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AccountSpec } from '../../src/budgets/account.ts';
import type { HoldRequest, SettleOutcome, HoldOutcome } from '../../src/decision/ports.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import { postgresFixture, type LedgerFixture } from '../conformance/ledger/fixtures.ts';
import {
  accountOf,
  commitOf,
  expectVerified,
  holdOf,
  MINUTE_MS,
  releaseOf,
  START_MS,
} from '../conformance/ledger/requests.ts';
import { assertPrograms, extentOf } from './soak.ts';

const BUDGETS = ['a', 'b', 'c'] as const;
const DAY_MS = 24 * 60 * MINUTE_MS;
const TABLES = ['account', 'reservation', 'entry', 'chain', 'chain_head', 'outbox', 'lineage'];

const ask = fc.record({
  doing: fc.constantFrom('hold', 'hold', 'commit', 'release'),
  cost: fc.integer({ min: 0, max: 3 }),
  budgets: fc.subarray([...BUDGETS], { minLength: 1 }),
  partial: fc.boolean(),
  /** Settles a reservation that may be settled already. */
  again: fc.constantFrom(true, false, false, false, false),
  which: fc.nat({ max: 30 }),
});
const batch = fc.record({
  asks: fc.array(ask, { minLength: 1, maxLength: 5 }),
  moveMs: fc.constantFrom(0, 0, 0, 0, MINUTE_MS, DAY_MS),
  /** The configuration seldom changes, and then for good. */
  cap: fc.option(fc.integer({ min: 0, max: 150 }), { freq: 8 }),
  soft: fc.option(fc.boolean(), { freq: 8 }),
});
type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;
type Op =
  | { readonly kind: 'hold'; readonly request: HoldRequest }
  | { readonly kind: 'commit'; readonly request: ReturnType<typeof commitOf> }
  | { readonly kind: 'release'; readonly request: ReturnType<typeof releaseOf> };

/** tollgate.budget_apply is the rule, tollgate.apply_plain the short way to the same rows. */
describe('plain batches', () => {
  const extent = extentOf(0.1, 40);
  let short: LedgerFixture;
  let long: LedgerFixture;
  let shortWay: LedgerStores;
  let longWay: LedgerStores;

  beforeAll(async () => {
    [short, long] = await Promise.all([
      postgresFixture({ settings: { track_functions: 'pl' } }),
      postgresFixture(),
    ]);
    shortWay = short.open({ lanes: 1 });
    longWay = long.open({ lanes: 1, plainBatches: false });
  });
  afterAll(async () => {
    await short[Symbol.asyncDispose]();
    await long[Symbol.asyncDispose]();
  });

  it(
    'R6 X2 write the same rows, the same chain and the same answers as the whole way',
    { timeout: extent.timeoutMs },
    async () => {
      await assertPrograms(
        fc.asyncProperty(
          fc.uuid(),
          fc.array(batch, { minLength: 3, maxLength: 16 }),
          async (tenant, batches) => {
            const program = new Ops(tenant);
            for (const fixture of [short, long]) fixture.clock.set(START_MS);
            for (const one of batches) {
              for (const fixture of [short, long]) fixture.clock.advance(one.moveMs);
              const ops = program.next(one);
              const [got, expected] = await Promise.all([send(shortWay, ops), send(longWay, ops)]);
              expect(got).toEqual(expected);
            }
            for (const table of TABLES) {
              expect(await rowsOf(short, table, tenant)).toEqual(await rowsOf(long, table, tenant));
            }
            await expectVerified(shortWay, tenant);
          },
        ),
        extent,
      );
      const taken = await callsOf(short, 'move_accounts');
      const offered = await callsOf(short, 'apply_plain');
      expect(taken).toBeGreaterThan(offered / 20);
      expect(taken).toBeLessThan(offered);
    },
  );
});

class Ops {
  readonly #tenant: string;
  readonly #holds: HoldRequest[] = [];
  /** Those that nobody has settled yet. */
  #open: readonly HoldRequest[] = [];
  #cap = 100;
  #soft = false;

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  next({ asks, cap, soft }: Batch): readonly Op[] {
    this.#cap = cap ?? this.#cap;
    this.#soft = soft ?? this.#soft;
    const ops = asks.map(({ doing, cost, budgets, partial, again, which }): Op => {
      const among = again ? this.#holds : this.#open;
      const target = among[which % Math.max(1, among.length)];
      const amounts = { costMicroUsd: BigInt(cost), inputTokens: BigInt(cost % 3) };
      if (doing !== 'hold') this.#open = this.#open.filter((one) => one !== target);
      if (doing === 'commit' && target) return { kind: doing, request: commitOf(target, amounts) };
      if (doing === 'release' && target) return { kind: doing, request: releaseOf(target) };
      const change = { amounts, acceptPartial: partial, holdForMs: 10_000 * DAY_MS };
      const accounts = budgets.map((budgetId) => this.#spec(budgetId));
      return { kind: 'hold', request: holdOf(this.#tenant, accounts, change) };
    });
    const held = ops.flatMap((op) => (op.kind === 'hold' ? [op.request] : []));
    this.#holds.push(...held);
    this.#open = [...this.#open, ...held];
    return ops;
  }

  #spec(budgetId: (typeof BUDGETS)[number]): AccountSpec {
    return accountOf({
      budgetId,
      period: budgetId === 'a' ? 'daily' : 'total',
      caps: { costMicroUsd: BigInt(this.#cap), totalTokens: 80n },
      rollover: budgetId === 'a' ? { costMicroUsd: 10n } : {},
      soft: budgetId === 'c' && this.#soft,
      alertPerMille: [500, 800, 1000],
    });
  }
}

function send(
  { ledger }: LedgerStores,
  ops: readonly Op[],
): Promise<(HoldOutcome | SettleOutcome)[]> {
  return Promise.all(
    ops.map((op) => {
      switch (op.kind) {
        case 'hold':
          return ledger.hold(op.request);
        case 'commit':
          return ledger.commit(op.request);
        case 'release':
          return ledger.release(op.request);
      }
    }),
  );
}

async function rowsOf({ sql }: LedgerFixture, table: string, tenant: string): Promise<string[]> {
  const rows = await sql.query<{ row: string }>(
    `select t::text as row from tollgate.${table} t where tenant = $1 order by row`,
    [tenant],
  );
  return rows.map(({ row }) => row);
}

async function callsOf({ sql }: LedgerFixture, name: string): Promise<number> {
  const rows = await sql.query<{ calls: string }>(
    'select coalesce(sum(calls), 0) as calls from pg_stat_user_functions where funcname = $1',
    [name],
  );
  return Number(rows[0]?.calls);
}
