import type { LineSide, ReplayedLine } from '../../replay/line.ts';
import type { ReplayReport } from '../../replay/compare.ts';
import type { ReasonTotals, Totals } from '../../replay/totals.ts';

/** The summary as one line of JSON; amounts are whole numbers of any size. */
export function summaryJson(report: ReplayReport, configuration: string): string {
  const { coverage, totals, flips, reasons, agents, days } = report;
  return jsonOf({
    configuration,
    coverage: {
      decisions: coverage.decisions,
      replayed: coverage.replayed,
      complete: coverage.complete,
      lacking: coverage.lacking,
      without_tokens: coverage.withoutTokens,
      by_outage: coverage.byOutage,
      by_token: coverage.byToken,
      refused: coverage.refused,
      assumed: coverage.assumed,
      repriced: coverage.repriced,
      ends_without_call: coverage.endsWithoutCall,
      extensions_without_call: coverage.extensionsWithoutCall,
    },
    totals: totalsJson(totals),
    reasons: reasons.map(({ name, ...sums }) => ({ reason: name, ...reasonJson(sums) })),
    agents: agents.map(({ name, ...sums }) => ({ agent: name, ...totalsJson(sums) })),
    days: days.map(({ name, ...sums }) => ({ day: name, ...totalsJson(sums) })),
    flips: flips.map(flipJson),
  });
}

function totalsJson(totals: Totals) {
  return {
    decisions: totals.decisions,
    denied_before: totals.deniedBefore,
    denied: totals.deniedAfter,
    flipped_to_denied: totals.flippedToDenied,
    flipped_to_allowed: totals.flippedToAllowed,
    spent_before_micro_usd: totals.spentBeforeMicroUsd ?? null,
    spent_micro_usd: totals.spentAfterMicroUsd,
  };
}

function reasonJson(totals: Omit<ReasonTotals, 'name'>) {
  return {
    denied_before: totals.deniedBefore,
    denied: totals.deniedAfter,
    flipped_to_denied: totals.flippedToDenied,
    flipped_to_allowed: totals.flippedToAllowed,
  };
}

function flipJson(line: ReplayedLine) {
  return {
    time: new Date(line.decidedAtMs).toISOString(),
    tenant: line.tenant,
    agent: line.agent,
    team: line.team,
    operation: line.operation,
    request_id: line.requestId,
    decision_id: line.id,
    before: sideJson(line.before),
    after: sideJson(line.after),
  };
}

function sideJson({ effect, reasons }: LineSide) {
  return {
    effect,
    reasons: reasons.map(({ code, rule = '', scope = '', message }) => ({
      ...{ code, rule, scope, message },
    })),
  };
}

function jsonOf(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, inner]) => `"${name}":${jsonOf(inner)}`);
  return `{${fields.join(',')}}`;
}
