import { setTimeout as sleep } from 'node:timers/promises';
import { Outcome, TollgateClient } from '../clients/typescript/index.ts';
import { SPENT, TENANT } from './ledger-calls.ts';
import { anybody } from './windows-bench.ts';
import { obeyOrders } from './worker.ts';

export interface CallOrder {
  readonly address: string;
  readonly callers: number;
  readonly ms: number;
  /** Of all callers together; absent means as many as are answered. */
  readonly cyclesPerSecond?: number;
}

export interface CallResult {
  readonly cycles: number;
  readonly elapsedMs: number;
  /** Of this process. */
  readonly cpuUs: number;
  readonly reserveMs: readonly number[];
  readonly commitMs: readonly number[];
}

const PATIENCE_MS = 20_000;
const ESTIMATE = { costMicroUsd: 103_110n, inputTokens: 4_808n, outputTokens: 1_024n };
const { costMicroUsd, inputTokens, outputTokens } = SPENT;
const USAGE = { costMicroUsd, inputTokens, outputTokens };

/** Callers in a process of their own that reserve and commit until the time is over. */
async function call(order: CallOrder): Promise<CallResult> {
  const { address, callers, ms, cyclesPerSecond } = order;
  const options = { timeoutMs: PATIENCE_MS, retry: { attempts: 1 } };
  const client = TollgateClient.connect(address, options);
  const [reserveMs, commitMs]: [number[], number[]] = [[], []];
  const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
  const untilMs = startedMs + ms;
  const everyMs = cyclesPerSecond === undefined ? 0 : (callers * 1000) / cyclesPerSecond;
  const caller = async (index: number): Promise<void> => {
    let dueMs = startedMs + (index / callers) * everyMs;
    while (Math.max(dueMs, performance.now()) < untilMs) {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const reservationId = await timed(reserveMs, () => reserve(client));
      await timed(commitMs, () => commit(client, reservationId));
      dueMs += everyMs;
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)));
  } finally {
    client.close();
  }
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - startedMs;
  return { cycles: commitMs.length, elapsedMs, cpuUs: user + system, reserveMs, commitMs };
}

async function reserve(client: TollgateClient): Promise<string> {
  const { decision, reservation } = await client.reserve({
    call: {
      tenant: TENANT,
      agent: 'copilot-hr',
      principal: { ...anybody(), roles: ['employee'] },
      environment: 'production',
      estimate: ESTIMATE,
    },
  });
  if (reservation) return reservation.reservationId;
  throw new Error(`no reservation: ${decision.reasons.map(({ code }) => code).join(', ')}`);
}

async function commit(client: TollgateClient, reservationId: string): Promise<void> {
  const settlement = { tenant: TENANT, reservationId, usage: USAGE, outcome: Outcome.SUCCESS };
  await client.commit(settlement);
}

async function timed<T>(into: number[], work: () => Promise<T>): Promise<T> {
  const beganMs = performance.now();
  const result = await work();
  into.push(performance.now() - beganMs);
  return result;
}

obeyOrders(call);
