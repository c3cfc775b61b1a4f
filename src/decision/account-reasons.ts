import type { AccountReading } from '../budgets/account.ts';
import { amountOf, UNIT_OF_METRIC, type Amounts, type Metric } from '../budgets/amounts.ts';
import { shortages, standingsOf, usedPerMille, type MetricStanding } from '../budgets/standing.ts';
import { formatUsd } from '../lib/money.ts';
import type { AccountStatus, Obligation } from './decision.ts';
import type { Reason } from './reasons.ts';

/** Why a hard account has no room for a call. One reason per metric. */
export function shortageReasons(
  account: AccountReading,
  asked: Amounts,
  decidedAtMs: number,
): readonly Reason[] {
  if (account.soft) return [];
  return shortages(account, asked).map((standing) =>
    shortageReason(account, standing, asked, decidedAtMs),
  );
}

function shortageReason(
  account: AccountReading,
  standing: MetricStanding,
  asked: Amounts,
  decidedAtMs: number,
): Reason {
  const { metric, cap, remaining, held } = standing;
  const requested = amountOf(asked, metric);
  const show = (amount: bigint): string => amountText(metric, amount);
  const retryAfterMs = untilNextPeriod(account, standing, requested, decidedAtMs);
  return {
    code: 'budget.exceeded',
    message:
      `Budget ${account.budgetId} has ${show(remaining)} of ${show(cap)} left for ${account.owner} ` +
      `(${show(held)} held); the call asks for ${show(requested)}.`,
    ruleKind: 'budget',
    rule: account.budgetId,
    scope: account.owner,
    account: account.account,
    unit: UNIT_OF_METRIC[metric],
    limit: cap,
    remaining,
    requested,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/**
 * Time lifts a shortage only when the next period begins and its whole cap has room for the call.
 */
function untilNextPeriod(
  account: AccountReading,
  { cap }: MetricStanding,
  requested: bigint,
  decidedAtMs: number,
): number | undefined {
  if (account.periodEndMs === undefined || cap === 0n || requested > cap) return undefined;
  return Math.max(0, account.periodEndMs - decidedAtMs);
}

/** What a soft account says once more is charged to it than its cap. One reason per metric. */
export function overrunReasons(account: AccountReading): readonly Reason[] {
  if (!account.soft) return [];
  return standingsOf(account)
    .filter(({ remaining }) => remaining < 0n)
    .map(({ metric, cap, remaining }) => ({
      code: 'budget.overrun',
      message:
        `Budget ${account.budgetId} is ${amountText(metric, -remaining)} over its cap of ` +
        `${amountText(metric, cap)} for ${account.owner}; it is soft and lets the call pass.`,
      ruleKind: 'budget',
      rule: account.budgetId,
      scope: account.owner,
      account: account.account,
      unit: UNIT_OF_METRIC[metric],
      limit: cap,
      remaining,
    }));
}

function amountText(metric: Metric, amount: bigint): string {
  return metric === 'costMicroUsd' ? formatUsd(amount) : `${amount} ${UNIT_OF_METRIC[metric]}`;
}

/** Warnings of the accounts as they stand after the call. */
export function thresholdReasons(account: AccountReading): readonly Reason[] {
  const used = usedPerMille(account);
  const code = thresholdCode(account, used);
  if (!code) return [];
  const message = `Budget ${account.budgetId} is at ${used / 10} % for ${account.owner}.`;
  const { budgetId: rule, owner: scope } = account;
  return [{ code, message, ruleKind: 'budget', rule, scope, account: account.account }];
}

function thresholdCode(account: AccountReading, used: number) {
  if (used >= account.degradePerMille) return 'budget.degraded';
  return used >= account.warnPerMille ? 'budget.warning' : undefined;
}

export function isDegraded(account: AccountReading): boolean {
  return usedPerMille(account) >= account.degradePerMille;
}

/** Asks the caller to use less while an account is degraded. */
export function degradationObligations(accounts: readonly AccountReading[]): readonly Obligation[] {
  return accounts.filter(isDegraded).map((account) => ({
    name: 'use_less',
    source: account.budgetId,
    parameters: { account: account.account, used_per_mille: usedPerMille(account) },
  }));
}

/** Fullest first, then by id: the order is stable. */
export function accountStatuses(accounts: readonly AccountReading[]): readonly AccountStatus[] {
  return accounts
    .map((account) => ({ used: usedPerMille(account), account }))
    .sort((a, b) => b.used - a.used || (a.account.account < b.account.account ? -1 : 1))
    .map(({ account }) => ({ ...account, outage: false }));
}
