import {
  USAGE_DIMENSIONS,
  type UsageBucket,
  type UsageDimension,
  type UsageQuery,
} from '../decision/usage.ts';
import * as wire from '../gen/tollgate/v1/query_service.ts';
import { parseTimeZone } from '../lib/time-zone.ts';
import { MAX_ID_CHARS, readId, readText, type Violation } from './fields.ts';
import { readPage, readTime } from './read-query.ts';

const MS_PER_DAY = 86_400_000;
/** A year with room: what is read at once stays bounded. */
const MAX_DAYS = 400;

const BUCKETS: Readonly<Record<wire.UsageBucket, UsageBucket>> = {
  [wire.UsageBucket.UNSPECIFIED]: 'total',
  [wire.UsageBucket.HOUR]: 'hour',
  [wire.UsageBucket.DAY]: 'day',
  [wire.UsageBucket.WEEK]: 'week',
  [wire.UsageBucket.MONTH]: 'month',
};

const DIMENSIONS: Readonly<Partial<Record<wire.UsageDimension, UsageDimension>>> = {
  [wire.UsageDimension.AGENT]: 'agent',
  [wire.UsageDimension.TEAM]: 'team',
  [wire.UsageDimension.USER]: 'user',
  [wire.UsageDimension.PROVIDER]: 'provider',
  [wire.UsageDimension.MODEL]: 'model',
};

/** Adds what is wrong to `found`, and answers undefined exactly when something is. */
export function readUsageQuery(
  found: Violation[],
  request: wire.GetUsageRequest,
): UsageQuery | undefined {
  const tenant = readId(found, 'tenant', request.tenant);
  const [fromMs, toMs] = readSpan(found, request);
  const bucket = BUCKETS[request.bucket];
  if (!(request.bucket in BUCKETS)) {
    found.push({ field: 'bucket', description: 'must be a known bucket' });
  }
  const timeZone = request.timeZone === '' ? 'UTC' : request.timeZone;
  if (parseTimeZone(timeZone) === undefined) {
    found.push({ field: 'time_zone', description: 'must be an IANA time zone' });
  }
  const by = request.by.map((one, index) => readDimension(found, `by[${index}]`, one));
  const only = readOnly(found, request);
  const page = readPage(found, request);
  if (found.length > 0) return undefined;
  return { tenant, fromMs, toMs, bucket, timeZone, by: [...new Set(by)], only, ...page };
}

function readSpan(found: Violation[], { from, to }: wire.GetUsageRequest): [number, number] {
  const fromMs = readTime(found, 'from', from);
  const toMs = readTime(found, 'to', to);
  if (from === undefined) found.push({ field: 'from', description: 'is required' });
  if (to === undefined) found.push({ field: 'to', description: 'is required' });
  if (fromMs === undefined || toMs === undefined) return [0, 0];
  if (toMs <= fromMs) found.push({ field: 'to', description: 'must be after `from`' });
  if (toMs - fromMs > MAX_DAYS * MS_PER_DAY) {
    found.push({ field: 'to', description: `must be at most ${MAX_DAYS} days after \`from\`` });
  }
  return [fromMs, toMs];
}

function readDimension(
  found: Violation[],
  field: string,
  value: wire.UsageDimension,
): UsageDimension {
  const dimension = DIMENSIONS[value];
  if (dimension) return dimension;
  found.push({ field, description: 'must be a known dimension' });
  return 'agent';
}

function readOnly(found: Violation[], request: wire.GetUsageRequest): UsageQuery['only'] {
  const given = USAGE_DIMENSIONS.flatMap((dimension) => {
    const value = readText(found, dimension, request[dimension], MAX_ID_CHARS);
    return value === '' ? [] : [[dimension, value] as const];
  });
  return Object.fromEntries(given);
}
