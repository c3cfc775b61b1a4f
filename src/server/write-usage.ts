import type { UsageRow } from '../decision/usage.ts';
import type * as wire from '../gen/tollgate/v1/query_service.ts';
import type { Calibration } from '../pricing/calibration.ts';

export function usageRowOf(row: UsageRow): wire.UsageRow {
  const { bucketStartMs, dimensions, charges, committed, settled } = row;
  const { agent = '', team = '', user = '', provider = '', model = '' } = dimensions;
  return {
    bucketStart: bucketStartMs === undefined ? undefined : new Date(bucketStartMs),
    ...{ agent, team, user, provider, model },
    charges: BigInt(charges),
    invocations: committed.invocations,
    committedMicroUsd: committed.costMicroUsd,
    inputTokens: committed.inputTokens,
    outputTokens: committed.outputTokens,
    settledCalls: BigInt(settled.calls),
    succeededCalls: BigInt(settled.succeeded),
    estimatedMicroUsd: settled.estimatedMicroUsd,
    actualMicroUsd: settled.actualMicroUsd,
  };
}

export function calibrationOf(one: Calibration): wire.Calibration {
  return {
    agent: one.agent,
    tableVersion: one.tableVersion,
    factorPerMille: Number(one.factorPerMille),
    calls: BigInt(one.calls),
    estimatedMicroUsd: one.estimatedMicroUsd,
    actualMicroUsd: one.actualMicroUsd,
    since: new Date(one.sinceMs),
  };
}
