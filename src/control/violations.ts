import type { Decision } from '../decision/decision.ts';
import type { RateLimiter, Unavailable } from '../decision/ports.ts';
import { SUSTAINED_MINUTES, type Violation, type ViolationCount } from '../limits/violation.ts';
import { startRounds } from './rounds.ts';

/** Told about limits that deny minute after minute, and of rounds that failed. */
export interface ViolationLog {
  /** Once for each row of minutes. */
  sustained(tenant: string, violation: Violation): void;
  failed(problem: string): void;
}

export interface ViolationRounds {
  /** Counts the violations in a decision; never waits. */
  readonly see: (decision: Decision, tenant: string) => void;
  /** Brings what was counted to the store, now. */
  flush(): Promise<number | Unavailable>;
  stop(): Promise<void>;
}

/** A second later is soon enough to be told. */
const EVERY_MS = 1_000;
/** Limits, scopes and tenants between two rounds; what comes on top is not counted. */
const MOST_BETWEEN_ROUNDS = 10_000;

/**
 * Counts how often limits deny, in this process for a second and then in the store, where all
 * processes add up.
 */
export function startViolations(limiter: RateLimiter, log: ViolationLog): ViolationRounds {
  let counted = new Map<string, { readonly tenant: string; count: ViolationCount }>();
  /** Rows of minutes that were told, by the minute in which they were found to be long enough. */
  const told = new Map<string, number>();

  const see = ({ reasons }: Decision, tenant: string): void => {
    for (const { code, rule = '', scope = '', windowMs = 0 } of reasons) {
      if (code !== 'limit.exceeded') continue;
      const name = JSON.stringify([tenant, rule, scope]);
      const known = counted.get(name);
      if (!known && counted.size >= MOST_BETWEEN_ROUNDS) continue;
      const count = (known?.count.count ?? 0) + 1;
      const longestMs = Math.max(windowMs, known?.count.windowMs ?? 0);
      const total = { limitId: rule, scope, windowMs: longestMs, count };
      counted.set(name, { tenant, count: total });
    }
  };

  const flush = async (): Promise<number | Unavailable> => {
    const taken = counted;
    counted = new Map();
    let added = 0;
    for (const [tenant, counts] of byTenant([...taken.values()])) {
      const sums = await limiter.addViolations(tenant, counts);
      if ('kind' in sums) return sums;
      added += sums.length;
      for (const one of sums) tellOnce(tenant, one, told, log);
    }
    return added;
  };

  const rounds = startRounds({
    everyMs: EVERY_MS,
    round: flush,
    log: { done: () => undefined, failed: (problem) => log.failed(problem) },
  });
  return {
    see,
    flush,
    stop: async () => {
      await rounds.stop();
      await flush();
    },
  };
}

function byTenant(
  counted: readonly { readonly tenant: string; readonly count: ViolationCount }[],
): ReadonlyMap<string, ViolationCount[]> {
  const groups = new Map<string, ViolationCount[]>();
  for (const { tenant, count } of counted) {
    const known = groups.get(tenant);
    if (known) known.push(count);
    else groups.set(tenant, [count]);
  }
  return groups;
}

/** Rows that are told of at a time; the oldest is forgotten, and may be told once more. */
const MOST_TOLD = 10_000;

function tellOnce(
  tenant: string,
  violation: Violation,
  told: Map<string, number>,
  log: ViolationLog,
): void {
  const { limitId, scope, minutesInRow } = violation;
  const name = JSON.stringify([tenant, limitId, scope]);
  if (minutesInRow < SUSTAINED_MINUTES) {
    told.delete(name);
    return;
  }
  if (told.has(name)) return;
  told.set(name, violation.lastAtMs);
  for (const oldest of told.keys()) {
    if (told.size <= MOST_TOLD) break;
    told.delete(oldest);
  }
  log.sustained(tenant, violation);
}
