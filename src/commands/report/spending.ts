import type { UsageRow } from '../../gen/tollgate/v1/query_service.ts';

/** What was spent, and on how many calls. */
export interface Spending {
  readonly spentMicroUsd: bigint;
  readonly calls: bigint;
  readonly settledCalls: bigint;
  readonly succeededCalls: bigint;
  readonly estimatedMicroUsd: bigint;
  readonly actualMicroUsd: bigint;
}

const PER_MILLE = 1_000n;

export function sumOf(rows: readonly UsageRow[]): Spending {
  const sum = (of: (row: UsageRow) => bigint) => rows.reduce((total, row) => total + of(row), 0n);
  return {
    spentMicroUsd: sum((row) => row.committedMicroUsd),
    calls: sum((row) => row.invocations),
    settledCalls: sum((row) => row.settledCalls),
    succeededCalls: sum((row) => row.succeededCalls),
    estimatedMicroUsd: sum((row) => row.estimatedMicroUsd),
    actualMicroUsd: sum((row) => row.actualMicroUsd),
  };
}

/** Rows by what they have in common, in the order of its first row. */
export function grouped<Key>(
  rows: readonly UsageRow[],
  keyOf: (row: UsageRow) => Key,
): ReadonlyMap<Key, readonly UsageRow[]> {
  const groups = new Map<Key, UsageRow[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}

export interface AgentSpending extends Spending {
  readonly agent: string;
}

/** The most expensive first. */
export function byAgent(rows: readonly UsageRow[]): readonly AgentSpending[] {
  return [...grouped(rows, ({ agent }) => agent)]
    .map(([agent, own]) => ({ agent, ...sumOf(own) }))
    .sort((a, b) => compare(b.spentMicroUsd, a.spentMicroUsd) || (a.agent < b.agent ? -1 : 1));
}

/** What is said above a table of agents. */
export function agentText(agents: readonly AgentSpending[]): readonly string[] {
  return agents.length === 0 ? ['No agent was charged.'] : [];
}

export function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Micro-USD a call; undefined when there was none. */
export function perCall({ spentMicroUsd, calls }: Spending): bigint | undefined {
  return calls > 0n ? spentMicroUsd / calls : undefined;
}

/** How much more than `before`, in thousandths of it; undefined when it was nothing. */
export function changePerMille(now: bigint, before: bigint): bigint | undefined {
  return before > 0n ? rounded((now - before) * PER_MILLE, before) : undefined;
}

/** A part in thousandths; undefined of nothing. */
export function sharePerMille(part: bigint, whole: bigint): bigint | undefined {
  return whole > 0n ? rounded(part * PER_MILLE, whole) : undefined;
}

/** The nearest whole number. @param by more than 0. */
function rounded(amount: bigint, by: bigint): bigint {
  const half = amount < 0n ? -by / 2n : by / 2n;
  return (amount + half) / by;
}

/** The middle one, or the lower of two; undefined of none. */
export function medianOf(values: readonly bigint[]): bigint | undefined {
  return values.toSorted(compare)[Math.floor((values.length - 1) / 2)];
}
