import type { Page } from '../../decision/record.ts';
import {
  USAGE_DIMENSIONS,
  type UsageBucket,
  type UsageDimension,
  type UsageQuery,
  type UsageRow,
} from '../../decision/usage.ts';
import { amountsOf } from './account-line.ts';
import { jsonText } from './json-text.ts';
import type { SqlValue } from './sql-client.ts';

/** One row of sql/usage.sql. */
export interface UsageSqlRow {
  readonly bucket: string;
  readonly agent: string;
  readonly team: string;
  readonly user_id: string;
  readonly provider: string;
  readonly model: string;
  readonly charges: string;
  readonly committed: string;
  /** Calls, succeeded, estimated, actual; separated by commas. */
  readonly settled: string;
}

const UNIT_OF: Readonly<Record<UsageBucket, string | null>> = {
  hour: 'hour',
  day: 'day',
  week: 'week',
  month: 'month',
  total: null,
};

/** The parameters of sql/usage.sql; one row more than a page tells whether there is another. */
export function usageValues(query: UsageQuery): readonly SqlValue[] {
  return [
    query.tenant,
    query.fromMs,
    query.toMs,
    UNIT_OF[query.bucket],
    query.timeZone,
    query.by.join(','),
    ...USAGE_DIMENSIONS.map((dimension) => query.only[dimension] ?? null),
    query.pageToken ?? null,
    query.pageSize + 1,
  ];
}

export function usagePage(query: UsageQuery, rows: readonly UsageSqlRow[]): Page<UsageRow> {
  const last = rows.length > query.pageSize ? rows[query.pageSize - 1] : undefined;
  return {
    items: rows.slice(0, query.pageSize).map((row) => usageRowOf(query, row)),
    nextPageToken:
      last &&
      jsonText([last.bucket, last.agent, last.team, last.user_id, last.provider, last.model]),
  };
}

function usageRowOf(query: UsageQuery, row: UsageSqlRow): UsageRow {
  const all: Readonly<Record<UsageDimension, string>> = { ...row, user: row.user_id };
  return {
    bucketStartMs: query.bucket === 'total' ? undefined : Number(row.bucket),
    dimensions: Object.fromEntries(query.by.map((dimension) => [dimension, all[dimension]])),
    charges: Number(row.charges),
    committed: amountsOf(row.committed),
    settled: settledOf(row.settled),
  };
}

function settledOf(text: string): UsageRow['settled'] {
  const [calls = '0', succeeded = '0', estimated = '0', actual = '0'] = text.split(',');
  return {
    calls: Number(calls),
    succeeded: Number(succeeded),
    estimatedMicroUsd: BigInt(estimated),
    actualMicroUsd: BigInt(actual),
  };
}

/** Whether a token is one of `usagePage`; the edge hands it back as a caller gave it. */
export function isUsageToken(token: string): boolean {
  try {
    const parts: unknown = JSON.parse(token);
    return (
      Array.isArray(parts) &&
      parts.length === USAGE_DIMENSIONS.length + 1 &&
      parts.every((part) => typeof part === 'string') &&
      /^-?\d{1,16}$/.test(String(parts[0]))
    );
  } catch {
    return false;
  }
}
