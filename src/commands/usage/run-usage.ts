import { UsageBucket, UsageDimension, UsageRow } from '../../gen/tollgate/v1/query_service.ts';
import { formatUsd } from '../../lib/money.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { tableLines } from '../text/table.ts';
import { grouped } from '../text/units.ts';

export type DimensionName = 'agent' | 'team' | 'user' | 'provider' | 'model';

export interface UsageOptions extends SidecarOptions {
  readonly json?: true;
  readonly tenant: string;
  readonly by?: readonly DimensionName[];
  readonly bucket: 'hour' | 'day' | 'week' | 'month' | 'total';
  /** Milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  readonly zone: string;
}

const THIRTY_DAYS_MS = 30 * 86_400_000;

const BUCKETS = {
  hour: UsageBucket.HOUR,
  day: UsageBucket.DAY,
  week: UsageBucket.WEEK,
  month: UsageBucket.MONTH,
  total: UsageBucket.UNSPECIFIED,
} as const;
const DIMENSIONS = {
  agent: UsageDimension.AGENT,
  team: UsageDimension.TEAM,
  user: UsageDimension.USER,
  provider: UsageDimension.PROVIDER,
  model: UsageDimension.MODEL,
} as const;

/** Prints what was charged: a table, or one line of JSON for each row. */
export async function runUsage(options: UsageOptions, streams: Streams): Promise<ExitCode> {
  const { tenant, by = [], bucket, zone } = options;
  const toMs = options.to ?? Date.now();
  const fromMs = options.from ?? toMs - THIRTY_DAYS_MS;
  return withClient<ExitCode>(options, async (client) => {
    const rows = await client.usage({
      tenant,
      from: new Date(fromMs),
      to: new Date(toMs),
      bucket: BUCKETS[bucket],
      timeZone: zone,
      by: by.map((one) => DIMENSIONS[one]),
    });
    if (options.json) for (const row of rows) printJson(streams.stdout, UsageRow.toJSON(row));
    else printLines(streams.stdout, usageLines(rows, by, zone));
    return 0;
  });
}

export function usageLines(
  rows: readonly UsageRow[],
  by: readonly DimensionName[],
  zone: string,
): readonly string[] {
  if (rows.length === 0) return ['Nothing was charged in that time.'];
  const timed = rows.some(({ bucketStart }) => bucketStart !== undefined);
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  return tableLines(
    [
      ...(timed ? [{ title: `from (${zone})` }] : []),
      ...by.map((title) => ({ title })),
      { title: 'cost', right: true },
      { title: 'calls', right: true },
      { title: 'input tokens', right: true },
      { title: 'output tokens', right: true },
    ],
    rows.map((row) => [
      ...(timed ? [row.bucketStart ? format.format(row.bucketStart) : ''] : []),
      ...by.map((one) => row[one] || '-'),
      formatUsd(row.committedMicroUsd),
      grouped(row.invocations),
      grouped(row.inputTokens),
      grouped(row.outputTokens),
    ]),
  );
}
