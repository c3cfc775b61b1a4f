import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DecisionCounts } from '../../src/telemetry/decision-counts.ts';
import { TelemetryObserver } from '../../src/telemetry/observer.ts';
import { TimedRequests } from '../../src/telemetry/timed-requests.ts';
import { parseTraceparent } from '../../src/telemetry/trace-context.ts';
import { openTracing } from '../../src/telemetry/open-tracing.ts';
import { tracingOff, type Tracing } from '../../src/telemetry/tracing.ts';
import { A_PERSON, aDecision } from '../journal/records.ts';
import { keptLog } from './lines.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER_SPAN = 'b7ad6b7169203331';
const RESERVE = '/tollgate.v1.DecisionService/Reserve';
const PERSONAL: readonly string[] = Object.values(A_PERSON);
const sampled = { traceparent: `00-${TRACE}-${CALLER_SPAN}-01`, tracestate: 'vendor=1' };
const unsampled = { traceparent: `00-${TRACE}-${CALLER_SPAN}-00`, tracestate: '' };
const none = { traceparent: '', tracestate: '' };

describe('tracing over OTLP (D2)', () => {
  let receiver: OtlpReceiver;
  let tracing: Tracing;
  let observer: TelemetryObserver;
  let requests: TimedRequests;
  let losses: string[];

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    losses = [];
    const settings = { serviceName: 'tollgate-test', samplerRatio: 1 } as const;
    tracing = await openTracing(
      { ...settings, tracesUrl: receiver.url, sampler: 'parentbased_always_on' },
      (problem) => losses.push(problem),
    );
    const counts = new DecisionCounts();
    observer = new TelemetryObserver(keptLog('info').logger, counts, tracing);
    requests = new TimedRequests(tracing, counts);
  });

  afterEach(async () => {
    await tracing.close(1000);
    await receiver.close();
  });

  async function decide(headers: typeof none, number = 1): Promise<string> {
    return requests.run(RESERVE, headers, async (traceId) => {
      observer.step('policy', () => 'allow');
      await observer.stage('windows', () => Promise.resolve());
      await observer.stage('hold', () => Promise.resolve());
      await observer.stage('record', () => Promise.resolve());
      observer.decided('reserve', aDecision(number), 'acme', 'copilot');
      return traceId;
    });
  }

  async function received(): Promise<readonly ReceivedSpan[]> {
    await tracing.close(5000);
    return receiver.spans;
  }

  test('a decision is one server span in the caller’s trace, with a child for each stage', async () => {
    expect(await decide(sampled)).toBe(TRACE);
    const spans = await received();
    const root = spans.find(({ name }) => name === 'tollgate.reserve')!;
    expect(root).toMatchObject({
      traceId: TRACE,
      parentSpanId: CALLER_SPAN,
      traceState: 'vendor=1',
      kind: 2,
    });
    const children = spans.filter((span) => span !== root);
    expect(children.map(({ name }) => name)).toEqual(['policy', 'windows', 'hold', 'record']);
    for (const child of children) {
      expect(child).toMatchObject({ traceId: TRACE, parentSpanId: root.spanId, kind: 1 });
    }
    expect(receiver.resource).toMatchObject({ 'service.name': 'tollgate-test' });
  });

  test('the span says what was decided, and nothing about a person (R86)', async () => {
    await decide(sampled);
    const spans = await received();
    expect(spans.find(({ kind }) => kind === 2)!.attributes).toEqual({
      'rpc.system': 'grpc',
      'rpc.service': 'tollgate.v1.DecisionService',
      'rpc.method': 'Reserve',
      'tollgate.operation': 'reserve',
      'tollgate.tenant': 'acme',
      'tollgate.agent': 'copilot',
      'tollgate.decision_id': aDecision(1).decisionId,
      'tollgate.effect': 'allow',
      'tollgate.reasons': ['policy.allowed'],
      'tollgate.revision': '3-9f86d081',
      'tollgate.degraded': false,
    });
    for (const text of PERSONAL) expect(receiver.bytes.includes(text)).toBe(false);
    expect(receiver.bytes.includes('alice')).toBe(false);
  });

  test('calls at the same time do not get each other’s children', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, number) => decide(none, number)));
    const spans = await received();
    const roots = spans.filter(({ kind }) => kind === 2);
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(20);
    for (const root of roots) {
      const children = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
      expect(children).toHaveLength(4);
      expect(children.every(({ traceId }) => traceId === root.traceId)).toBe(true);
    }
  });

  test('a caller that does not sample gets its trace id and makes no spans', async () => {
    expect(await decide(unsampled)).toBe(TRACE);
    expect(await received()).toEqual([]);
  });

  test('a caller without a trace gets a new one', async () => {
    const traceId = await decide(none);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect((await received()).every((span) => span.traceId === traceId)).toBe(true);
  });

  test('a request that throws is an error on its span, without the message, and still throws', async () => {
    const failing = requests.run(RESERVE, sampled, () =>
      observer.stage('hold', () => Promise.reject(new TypeError('about alice@example.com'))),
    );
    await expect(failing).rejects.toThrow('about alice@example.com');
    const spans = await received();
    expect(spans.map(({ status }) => status)).toEqual([2, 2]);
    expect(spans[0]!.attributes['error.type']).toBe('TypeError');
    expect(receiver.bytes.includes('alice')).toBe(false);
  });

  test('a collector that refuses costs no decision; what is lost is counted and told once', async () => {
    receiver.answer(400);
    for (let number = 0; number < 10; number++) await decide(sampled, number);
    await vi.waitFor(() => expect(tracing.lostSpans()).toBe(50), { timeout: 10_000 });
    expect(losses).toHaveLength(1);
  });
});

describe('tracing that is off', () => {
  test('still tells the caller’s trace id, and makes none up', async () => {
    const tell = (headers: typeof none): Promise<string> =>
      tracingOff.request(RESERVE, headers, (traceId) => Promise.resolve(traceId));
    expect(await tell(sampled)).toBe(TRACE);
    expect(await tell(none)).toBe('');
    expect(await tell({ traceparent: 'rubbish', tracestate: '' })).toBe('');
    expect(tracingOff.traceId()).toBe('');
  });

  test('is what no endpoint means', async () => {
    const settings = { serviceName: 'x', sampler: 'always_on', samplerRatio: 1 } as const;
    expect(await openTracing({ ...settings, tracesUrl: undefined }, () => undefined)).toBe(
      tracingOff,
    );
  });
});

describe('a traceparent header', () => {
  test.each([
    [`00-${TRACE}-${CALLER_SPAN}-01`, true],
    [`00-${TRACE}-${CALLER_SPAN}-00`, false],
    [`cc-${TRACE}-${CALLER_SPAN}-01-more`, true],
  ])('%s is read', (header, keep) => {
    expect(parseTraceparent(header)).toEqual({
      traceId: TRACE,
      spanId: CALLER_SPAN,
      sampled: keep,
    });
  });

  test.each([
    '',
    'x',
    `ff-${TRACE}-${CALLER_SPAN}-01`,
    `00-${'0'.repeat(32)}-${CALLER_SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${CALLER_SPAN}-01`,
    `00-${TRACE}-${CALLER_SPAN}-011`,
    `00-${TRACE}-${CALLER_SPAN}`,
  ])('%j is no trace', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
