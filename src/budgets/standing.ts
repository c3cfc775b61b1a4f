import type { AccountReading } from './account.ts';
import { amountOf, METRICS, type Amounts, type Metric } from './amounts.ts';

/** One capped metric of an account. */
export interface MetricStanding {
  readonly metric: Metric;
  readonly cap: bigint;
  /** Of the cap, what earlier periods left. */
  readonly carried: bigint;
  readonly committed: bigint;
  readonly held: bigint;
  /** cap − committed − held; negative after an overrun. */
  readonly remaining: bigint;
}

/** Capped metrics of an account, in the order of METRICS. */
export function standingsOf(account: AccountReading): readonly MetricStanding[] {
  return METRICS.flatMap((metric) => {
    const cap = account.caps[metric];
    if (cap === undefined) return [];
    const committed = amountOf(account.committed, metric);
    const held = amountOf(account.held, metric);
    const carried = account.carried[metric] ?? 0n;
    return [{ metric, cap, carried, committed, held, remaining: cap - committed - held }];
  });
}

const FULL_PER_MILLE = 1000n;

/**
 * Share of the fullest capped metric that is committed or held, in thousandths; a cap of 0 counts
 * as full.
 */
export function usedPerMille({ caps, committed, held }: AccountReading): number {
  let most = 0n;
  // Every answer asks several times: no list is made, and only what is capped is looked at.
  for (const name in caps) {
    const metric = name as Metric;
    const cap = caps[metric];
    if (cap === undefined) continue;
    const used = amountOf(committed, metric) + amountOf(held, metric);
    const share = cap === 0n ? FULL_PER_MILLE : (used * FULL_PER_MILLE) / cap;
    if (share > most) most = share;
  }
  return Number(most);
}

/**
 * Metrics in which a call does not fit an account. Exactly 100 % still fits; a cap of 0 blocks
 * every call, also one that asks for none of the metric (requirement R9; 0 means block).
 */
export function shortages(account: AccountReading, asked: Amounts): readonly MetricStanding[] {
  return standingsOf(account).filter(
    ({ metric, cap, remaining }) => cap === 0n || amountOf(asked, metric) > remaining,
  );
}
