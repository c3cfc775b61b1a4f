import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import { Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { send } from '../support/send.ts';
import { openStack, type Stack } from '../support/stack.ts';

const CAP_MICRO_USD = 1_000_000_000n;
const RULES = `
version: 1
tenants: [{ id: acme }]
agents: [{ id: copilot, provider: copilot_studio }]
policies: [{ id: all, effect: allow }]
budgets: [{ id: hot, scope: organization, period: total, caps: { cost_usd: '1000' } }]
`;
const CALLERS = 32;
/** Odd amounts of around a dollar: about a thousand calls use the budget up. */
const LEAST_MICRO_USD = 700_001n;
const SPREAD_MICRO_USD = 600_000;
/** Denials in a row after which a caller takes the budget for used up. */
const PATIENCE = 5;

describe('X2 X4 one hot $1,000 budget until it is used up', () => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  it.each([2, 4])(
    'over %i sidecars: exact to the micro-dollar',
    { timeout: 60_000 },
    async (count) => {
      const databaseUrl = await postgres.createDatabase();
      const options = { configuration: RULES, databaseUrl, clock: systemClock };
      const stacks = await Promise.all(Array.from({ length: count }, () => openStack(options)));
      try {
        const readings = readWhile(postgres, databaseUrl);
        const spent = await Promise.all(
          Array.from({ length: CALLERS }, (_, index) => spend(stacks, index)),
        );
        const most = await readings.stop();
        expect(most).toBeLessThanOrEqual(CAP_MICRO_USD);
        const committed = spent.reduce((sum, one) => sum + one, 0n);
        expect(await accountOf(postgres, databaseUrl)).toEqual({ held: 0n, committed });

        const left = CAP_MICRO_USD - committed;
        const [first, second] = stacks;
        expect(await reserved(first!, 'one-more-than-is-left', left + 1n)).toBe(false);
        expect(await reserved(second!, 'what-is-left', left)).toBe(true);
        expect(await first?.stores.verify()).toMatchObject({ kind: 'ok' });
      } finally {
        for (const stack of stacks) await stack[Symbol.asyncDispose]();
      }
    },
  );
});

/** Holds and settles below the estimate, or gives back, until nothing fits any more. */
async function spend(stacks: readonly Stack[], caller: number): Promise<bigint> {
  let committed = 0n;
  let denied = 0;
  for (let turn = 0; denied < PATIENCE; turn += 1) {
    const stack = stacks[(caller + turn) % stacks.length]!;
    const estimate = LEAST_MICRO_USD + BigInt((caller * 7_919 + turn * 104_729) % SPREAD_MICRO_USD);
    const { decision, reservation } = await send.reserve(stack, {
      requestId: `call-${caller}-${turn}`,
      call: { tenant: 'acme', agent: 'copilot', estimate: { costMicroUsd: estimate } },
    });
    denied = decision?.effect === Effect.ALLOW ? 0 : denied + 1;
    if (denied > 0) continue;
    const reservationId = reservation?.reservationId ?? '';
    const settle = { tenant: 'acme', reservationId, requestId: `end-${caller}-${turn}` };
    if (turn % 7 === 3) {
      await send.release(stack, { ...settle, reason: 'not needed' });
    } else {
      const costMicroUsd = estimate - BigInt((turn * 31) % 1_000);
      const usage = { costMicroUsd };
      await send.commit(stack, { ...settle, usage, outcome: Outcome.SUCCESS });
      committed += costMicroUsd;
    }
  }
  return committed;
}

async function reserved(stack: Stack, requestId: string, costMicroUsd: bigint): Promise<boolean> {
  const call = { tenant: 'acme', agent: 'copilot', estimate: { costMicroUsd } };
  const { decision } = await send.reserve(stack, { requestId, call });
  return decision?.effect === Effect.ALLOW;
}

async function accountOf(
  postgres: PostgresServer,
  url: string,
): Promise<{ held: bigint; committed: bigint }> {
  const [row] = await postgres.run<{ held: string; committed: string }>(
    url,
    `select held_cost as held, committed_cost as committed from tollgate.account
      where budget_id = 'hot'`,
  );
  return { held: BigInt(row?.held ?? 0), committed: BigInt(row?.committed ?? 0) };
}

/** Reads the account for as long as it is driven; `stop` answers the most that was ever in use. */
function readWhile(postgres: PostgresServer, url: string): { stop(): Promise<bigint> } {
  const state = { stopped: false };
  const reading = (async () => {
    let most = 0n;
    while (!state.stopped) {
      const { held, committed } = await accountOf(postgres, url);
      if (held + committed > most) most = held + committed;
    }
    return most;
  })();
  return {
    stop: () => {
      state.stopped = true;
      return reading;
    },
  };
}
