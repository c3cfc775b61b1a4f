import type { TollgateClient } from '../../../clients/typescript/index.ts';
import {
  type ListCalibrationsResponse,
  UsageBucket,
  UsageDimension,
  type UsageRow,
} from '../../gen/tollgate/v1/query_service.ts';
import type { BudgetStatus } from '../../gen/tollgate/v1/verdict.ts';
import type { TimeSpan } from './calendar.ts';

/** What reports are made from. */
export interface ReportSource {
  /** What was charged, by agent, for each day or month or for all the time in one. */
  usage(span: TimeSpan, bucket: 'day' | 'month' | 'total'): Promise<readonly UsageRow[]>;
  accounts(): Promise<readonly BudgetStatus[]>;
  calibrations(): Promise<ListCalibrationsResponse>;
}

/** What a report is about. */
export interface ReportRequest {
  readonly tenant: string;
  readonly zone: string;
  /** Within the day that it ends with, or the month that it is about. */
  readonly atMs: number;
  readonly nowMs: number;
}

const BUCKETS = {
  day: UsageBucket.DAY,
  month: UsageBucket.MONTH,
  total: UsageBucket.UNSPECIFIED,
} as const;

export function sidecarSource(client: TollgateClient, tenant: string, zone: string): ReportSource {
  return {
    usage: ({ fromMs, toMs }, bucket) =>
      client.usage({
        tenant,
        from: new Date(fromMs),
        to: new Date(toMs),
        bucket: BUCKETS[bucket],
        timeZone: zone,
        by: [UsageDimension.AGENT],
      }),
    accounts: () => client.budgetStatus(tenant),
    calibrations: () => client.calibrations(tenant),
  };
}
