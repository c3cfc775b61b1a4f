import type { UsageRow } from '../../gen/tollgate/v1/query_service.ts';
import type { Calendar } from './calendar.ts';
import { grouped, medianOf, perCall, sumOf } from './spending.ts';

/** Fewer days with charges than this tell nothing of what is usual. */
const LEAST_DAYS = 5;
const TIMES_USUAL = 2n;

/** How an outlier is defined, for readers. */
export const OUTLIER_TEXT =
  'Days on which an agent, or one call to it, cost more than twice the median of its days in the four ' +
  `weeks before; an agent needs ${LEAST_DAYS} such days.`;

/** A day of an agent that cost much more than usual. */
export interface Outlier {
  readonly day: string;
  readonly agent: string;
  readonly spentMicroUsd: bigint;
  readonly usualMicroUsd: bigint;
  readonly perCallMicroUsd: bigint | undefined;
  readonly usualPerCallMicroUsd: bigint | undefined;
}

/**
 * @param rows by day and agent
 * @param fromMs rows from here on are looked at; those before say what is usual
 */
export function outliersOf(
  rows: readonly UsageRow[],
  fromMs: number,
  calendar: Calendar,
): readonly Outlier[] {
  return [...grouped(rows, ({ agent }) => agent)]
    .flatMap(([agent, own]) => {
      const earlier = own.filter((row) => startMsOf(row) < fromMs);
      if (earlier.length < LEAST_DAYS) return [];
      return own
        .filter((row) => startMsOf(row) >= fromMs)
        .flatMap((row) => outlierOf(calendar.dayAt(startMsOf(row)), agent, row, earlier));
    })
    .sort((a, b) => (`${a.day} ${a.agent}` < `${b.day} ${b.agent}` ? -1 : 1));
}

function startMsOf({ bucketStart }: UsageRow): number {
  return bucketStart?.getTime() ?? 0;
}

function outlierOf(
  day: string,
  agent: string,
  row: UsageRow,
  earlier: readonly UsageRow[],
): Outlier[] {
  const spentMicroUsd = row.committedMicroUsd;
  const usualMicroUsd = medianOf(earlier.map((one) => one.committedMicroUsd)) ?? 0n;
  const perCallMicroUsd = perCall(sumOf([row]));
  const usualPerCallMicroUsd = medianOf(earlier.flatMap((one) => perCall(sumOf([one])) ?? []));
  const isMuch =
    spentMicroUsd > TIMES_USUAL * usualMicroUsd ||
    (perCallMicroUsd ?? 0n) > TIMES_USUAL * (usualPerCallMicroUsd ?? 0n);
  if (!isMuch) return [];
  return [{ day, agent, spentMicroUsd, usualMicroUsd, perCallMicroUsd, usualPerCallMicroUsd }];
}
