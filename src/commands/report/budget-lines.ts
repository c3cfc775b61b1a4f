import type { BudgetStatus, MetricStatus } from '../../gen/tollgate/v1/verdict.ts';
import { figureText, unitText } from '../text/units.ts';
import { left, right, shareText, type ReportTable } from './report-document.ts';
import { compare, sharePerMille } from './spending.ts';

const DAY_MS = 86_400_000;
/** Shorter than any month, longer than any week. */
const MONTH_FROM_DAYS = 27;
/** More accounts than this are counted, not listed: each user may have one. */
const MOST_LISTED = 20;

/** One capped metric of an account in one period. */
export interface BudgetUse extends Pick<MetricStatus, 'unit' | 'cap' | 'committed' | 'held'> {
  readonly account: string;
  readonly scope: string;
  readonly usedPerMille: bigint | undefined;
}

/** Accounts of the periods of a kind that a moment lies in; the fullest first. */
export function budgetUses(
  accounts: readonly BudgetStatus[],
  kind: 'daily' | 'monthly',
  atMs: number,
): readonly BudgetUse[] {
  return accounts
    .filter((account) => isOfKind(account, kind, atMs))
    .flatMap(({ account, scope, metrics }) =>
      metrics.map(({ unit, cap, committed, held }) => ({
        ...{ account, scope, unit, cap, committed, held },
        usedPerMille: sharePerMille(committed + held, cap),
      })),
    )
    .sort((a, b) => compare(b.usedPerMille ?? 0n, a.usedPerMille ?? 0n));
}

function isOfKind(account: BudgetStatus, kind: 'daily' | 'monthly', atMs: number): boolean {
  const { periodStart, periodEnd } = account;
  if (periodStart === undefined || periodEnd === undefined) return false;
  const [startMs, endMs] = [periodStart.getTime(), periodEnd.getTime()];
  const days = Math.round((endMs - startMs) / DAY_MS);
  const wanted = kind === 'daily' ? days === 1 : days > MONTH_FROM_DAYS;
  return wanted && startMs <= atMs && atMs < endMs;
}

/** @param more a column of its own, for example what is projected. */
export function budgetTable(
  uses: readonly BudgetUse[],
  more?: { readonly title: string; readonly of: (use: BudgetUse) => string },
): ReportTable {
  return {
    columns: [
      left('account'),
      left('unit'),
      right('committed'),
      right('held'),
      right('budget'),
      right('used'),
      ...(more ? [right(more.title)] : []),
    ],
    rows: uses
      .slice(0, MOST_LISTED)
      .map((use) => [
        use.account,
        unitText(use.unit),
        figureText(use.committed, use.unit),
        figureText(use.held, use.unit),
        figureText(use.cap, use.unit),
        shareText(use.usedPerMille),
        ...(more ? [more.of(use)] : []),
      ]),
  };
}

/** What is said about a table of budgets. */
export function budgetText(uses: readonly BudgetUse[], none: string): readonly string[] {
  if (uses.length === 0) return [none];
  if (uses.length <= MOST_LISTED) return [];
  return [`The ${MOST_LISTED} fullest of ${uses.length}.`];
}
