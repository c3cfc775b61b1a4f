import { status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';

import type { DecisionQuery, Queries, QueryRefusal } from '../../src/decision/queries.ts';
import type { Page, StoredRecord } from '../../src/decision/record.ts';
import {
  ExportDecisionsRequest,
  ListDecisionsRequest,
  type ExportDecisionsResponse,
} from '../../src/gen/tollgate/v1/query_service.ts';
import { recordOf } from '../conformance/ledger/requests.ts';
import { until } from '../support/until.ts';
import {
  ask,
  askRaw,
  failureOf,
  knowing,
  scripted,
  startEdge,
  type RunningEdge,
} from './support.ts';

const PAGE = 200;
/** More than flow control and the streams on both sides hold of records of this size. */
const MANY = 20_000;
const MAX_AT_ONCE = 4;

const storedOf = (index: number): StoredRecord => {
  const record = recordOf('acme', {
    facts: { system: 's'.repeat(500) },
    decision: { decisionId: `dec_${index}` },
  });
  return { ...record, settlement: undefined };
};

const rests = (holds: () => boolean): Promise<void> =>
  until(() => Promise.resolve(holds()), 20_000, 'it does not come to rest');

let edge: RunningEdge | undefined;
const seen: DecisionQuery[] = [];

afterEach(async () => {
  await edge?.stop();
  edge = undefined;
  seen.length = 0;
});

async function serving(decisions: Queries['decisions']): Promise<RunningEdge> {
  const queries = knowing({
    decisions: (query) => {
      seen.push(query);
      return decisions(query);
    },
  });
  edge = await startEdge(scripted().point, { queries });
  return edge;
}

/** So many records, page by page. */
const holding =
  (count: number, at: Partial<Record<number, QueryRefusal>> = {}) =>
  ({ pageSize, pageToken = '0' }: DecisionQuery): Promise<Page<StoredRecord> | QueryRefusal> => {
    const first = Number(pageToken);
    const refusal = at[first];
    if (refusal) return Promise.resolve(refusal);
    const last = Math.min(first + pageSize, count);
    const items = Array.from({ length: last - first }, (_, index) => storedOf(first + index));
    return Promise.resolve({ items, nextPageToken: last < count ? String(last) : undefined });
  };

type Stream = ClientReadableStream<ExportDecisionsResponse>;
const exporting = (
  { queries }: RunningEdge,
  filters: Parameters<typeof ExportDecisionsRequest.fromPartial>[0] = {},
): Stream =>
  queries.exportDecisions(ExportDecisionsRequest.fromPartial({ tenant: 'acme', ...filters }));

async function idsOf(stream: Stream): Promise<string[]> {
  const ids: string[] = [];
  for await (const { record } of stream as AsyncIterable<ExportDecisionsResponse>) {
    ids.push(record?.decisionId ?? '');
  }
  return ids;
}

const cancelled = (stream: Stream): Promise<ServiceError> =>
  new Promise((resolve) => {
    stream.once('error', resolve);
    stream.cancel();
  });

describe('ExportDecisions', () => {
  it('R55 streams all pages in order, with the filters of the request', async () => {
    const running = await serving(holding(2 * PAGE + 7));
    const ids = await idsOf(exporting(running, { agent: 'copilot', email: 'zoe@example.org' }));
    expect(ids).toEqual(Array.from({ length: 2 * PAGE + 7 }, (_, index) => `dec_${index}`));
    expect(seen.map(({ pageToken }) => pageToken)).toEqual([undefined, '200', '400']);
    expect(seen[0]).toEqual({
      tenant: 'acme',
      agent: 'copilot',
      email: 'zoe@example.org',
      pageSize: PAGE,
    });
    await rests(() => running.server.inProgress() === 0);
  });

  it('R55 a page without records, and an export of nothing', async () => {
    const pages = [
      { items: [], nextPageToken: 'more' },
      { items: [storedOf(1)], nextPageToken: undefined },
    ];
    const running = await serving(() => Promise.resolve(pages.shift() ?? pages[0]!));
    expect(await idsOf(exporting(running))).toEqual(['dec_1']);
    pages.push({ items: [], nextPageToken: undefined });
    expect(await idsOf(exporting(running))).toEqual([]);
  });

  it('reads no further than the caller does, and ends when the caller goes away', async () => {
    const running = await serving(holding(MANY));
    const stream = exporting(running);
    await new Promise((resolve) => stream.once('readable', resolve));
    let before = -1;
    // Nothing is read meanwhile: the pages that were asked for stop to grow.
    await rests(() => {
      const still = seen.length === before;
      before = seen.length;
      return still;
    });
    expect(seen.length).toBeLessThan(MANY / PAGE);
    expect(running.server.inProgress()).toBe(1);
    expect((await cancelled(stream)).code).toBe(status.CANCELLED);
    await rests(() => running.server.inProgress() === 0);
    expect(seen.length).toBeLessThan(MANY / PAGE);
    expect(running.lines).toEqual([]);
  });

  it('a few at once; the next is told to come back', async () => {
    const running = await serving(holding(MANY));
    const streams = Array.from({ length: MAX_AT_ONCE }, () => exporting(running));
    await rests(() => running.server.inProgress() === MAX_AT_ONCE);
    const failure = await failureOf(idsOf(exporting(running)));
    expect(failure).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'OVERLOADED' });
    await Promise.all(streams.map(cancelled));
    await rests(() => running.server.inProgress() === 0);
  });

  it('what breaks off half way says so after what was read', async () => {
    const running = await serving(holding(900, { 400: { kind: 'too_broad', problem: 'slow' } }));
    const stream = exporting(running);
    let read = 0;
    stream.on('data', () => (read += 1));
    const failure = await failureOf(
      new Promise((resolve, reject) => stream.once('error', reject).once('end', resolve)),
    );
    expect(failure).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'QUERY_TOO_BROAD' });
    expect(read).toBe(400);
  });

  it('a defect is logged and answered without its cause', async () => {
    const running = await serving(() => Promise.reject(new Error('a secret')));
    const failure = await failureOf(idsOf(exporting(running)));
    expect(failure).toMatchObject({ code: status.INTERNAL });
    expect(failure.details).not.toContain('secret');
    expect(running.lines).toHaveLength(1);
    await rests(() => running.server.inProgress() === 0);
  });
});

describe('filters of decisions', () => {
  it('R55 every wrong field is named, and no e-mail address is repeated', async () => {
    const running = await serving(holding(0));
    const wrong = {
      tenant: '',
      decisionId: 'a b',
      requestId: 'a b',
      traceId: 'not hex',
      email: 'zoe@example.org\n',
      event: 'policy_denied',
      from: new Date(2),
      to: new Date(1),
    };
    const list = ListDecisionsRequest.fromPartial(wrong);
    const failures = [
      await failureOf(idsOf(exporting(running, wrong))),
      await failureOf(ask(running.queries, running.queries.listDecisions, list)),
    ];
    for (const { code, violations, details } of failures) {
      expect(code).toBe(status.INVALID_ARGUMENT);
      expect(Object.keys(violations).toSorted()).toEqual(
        ['decision_id', 'email', 'event', 'request_id', 'tenant', 'to', 'trace_id'].toSorted(),
      );
      expect(`${details}${JSON.stringify(violations)}`).not.toContain('zoe');
    }
    expect(seen).toEqual([]);
  });

  it('R55 R57 R69 every field reaches the query', async () => {
    const running = await serving(holding(0));
    const request = ListDecisionsRequest.fromPartial({
      tenant: 'acme',
      decisionId: 'dec_1',
      requestId: 'r-1',
      traceId: 'A'.repeat(32),
      email: 'Zoe@example.org',
      event: 'external_agent.policy_denied',
      reasonCode: 'policy.denied',
      pageSize: 3,
      pageToken: 'here',
    });
    await ask(running.queries, running.queries.listDecisions, request);
    expect(seen).toEqual([
      {
        tenant: 'acme',
        decisionId: 'dec_1',
        requestId: 'r-1',
        traceId: 'a'.repeat(32),
        email: 'Zoe@example.org',
        event: 'external_agent.policy_denied',
        reasonCode: 'policy.denied',
        pageSize: 3,
        pageToken: 'here',
      },
    ]);
  });

  it('a time that no store holds is refused', async () => {
    const running = await serving(holding(0));
    const failure = await failureOf(idsOf(exporting(running, { from: new Date(-8.64e15) })));
    expect(failure.violations).toEqual({ from: 'must be a valid time' });
  });

  it('bytes that are no request are the caller’s fault', async () => {
    const running = await serving(holding(0));
    const method = '/tollgate.v1.QueryService/ExportDecisions';
    const failure = await failureOf(askRaw(running, Buffer.from([0xff, 0xff]), method));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'REQUEST_UNREADABLE' });
  });
});
