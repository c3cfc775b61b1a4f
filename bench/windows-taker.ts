import type { RateLimiter } from '../src/decision/ports.ts';
import type { CounterSpec } from '../src/limits/counter.ts';
import { openRedisRateLimiter } from '../src/stores/redis/open-redis-rate-limiter.ts';
import { TENANT } from './ledger-calls.ts';
import { countersOfUsers } from './windows-configuration.ts';
import { obeyOrders } from './worker.ts';

export interface TakeOrder {
  readonly redisUrl: string;
  /** Its limits are what is taken from. */
  readonly configuration: string;
  /** Takes under way at any time. */
  readonly callers: number;
  readonly ms: number;
}

export interface TakeResult {
  readonly decisions: number;
  readonly elapsedMs: number;
  /** Of this process: the adapter and the callers. */
  readonly cpuUs: number;
}

const PATIENCE_MS = 20_000;
/** As long as those of the sidecar. */
const FINGERPRINT = 'benchbenchbenchbenchbA';

let taken = 0;

/** Callers that take, one call after the other, until the time is over. */
async function take(order: TakeOrder): Promise<TakeResult> {
  const users = countersOfUsers(order.configuration);
  const limiter = await openRedisRateLimiter({ url: order.redisUrl, deadlineMs: PATIENCE_MS });
  const before = taken;
  const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
  const untilMs = startedMs + order.ms;
  const call = async (): Promise<void> => {
    while (performance.now() < untilMs) await takeOnce(limiter, users);
  };
  await Promise.all(Array.from({ length: order.callers }, call));
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - startedMs;
  await limiter.close();
  return { decisions: taken - before, elapsedMs, cpuUs: user + system };
}

async function takeOnce(
  limiter: RateLimiter,
  users: readonly (readonly CounterSpec[])[],
): Promise<void> {
  const outcome = await limiter.take({
    tenant: TENANT,
    requestId: `take-${process.pid}-${taken++}`,
    fingerprint: FINGERPRINT,
    // Calls are not settled here: their counters count requests.
    callId: '',
    counters: users[Math.floor(Math.random() * users.length)] ?? [],
  });
  const isNew = outcome.kind === 'taken' && !outcome.replayed;
  if (!isNew) throw new Error(`not taken: ${JSON.stringify(outcome)}`);
}

obeyOrders(take);
