import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import type { Health } from '../../src/decision/ports.ts';
import type { ProcessStatus } from '../../src/decision/queries.ts';
import { DecisionCounts } from '../../src/telemetry/decision-counts.ts';
import { Histogram, BUCKET_SECONDS } from '../../src/telemetry/histogram.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { openTelemetry, type Telemetry } from '../../src/telemetry/open-telemetry.ts';
import { MAX_SERIES } from '../../src/telemetry/series.ts';
import { aDecision, anAccount } from '../journal/records.ts';
import { keptLog } from './lines.ts';

/** Value of the sample whose line begins like this; undefined when there is none. */
async function sample(counts: DecisionCounts, start: string): Promise<number | undefined> {
  return valueIn(await textOf(counts), start);
}

function valueIn(text: string, start: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${start} `));
  return line === undefined ? undefined : Number(line.slice(start.length + 1));
}

function textOf(counts: DecisionCounts): Promise<string> {
  const none = (): number => 0;
  const sources = { counts, watch: () => undefined, droppedLogLines: none, lostSpans: none };
  return createMetrics(sources).metrics();
}

describe('metrics of decisions (R77)', () => {
  test('count decisions by operation and effect, and denials by reason', async () => {
    const counts = new DecisionCounts();
    const denial = aDecision(1, {
      effect: 'deny',
      reasons: [
        { code: 'policy.allowed', message: '', rule: 'allow-all' },
        { code: 'limit.exceeded', message: '', rule: 'per-user' },
        { code: 'limit.exceeded', message: '', rule: 'per-team' },
      ],
    });
    counts.decided('authorize', aDecision(1), 'acme');
    counts.decided('authorize', aDecision(2), 'acme');
    counts.decided('reserve', denial, 'acme');
    const text = await textOf(counts);
    const value = (start: string): number | undefined => valueIn(text, start);
    expect(value('tollgate_decisions_total{operation="authorize",effect="allow"}')).toBe(2);
    expect(value('tollgate_decisions_total{operation="reserve",effect="deny"}')).toBe(1);
    expect(value('tollgate_denials_total{code="limit.exceeded"}')).toBe(2);
    expect(value('tollgate_denials_total{code="policy.allowed"}')).toBeUndefined();
    expect(value('tollgate_advice_total{code="policy.allowed"}')).toBe(3);
    expect(value('tollgate_limit_exceeded_total{limit="per-user"}')).toBe(1);
  });

  test('count every call let pass while a limit could not be checked (R33)', async () => {
    const counts = new DecisionCounts();
    const passed = aDecision(1, {
      reasons: [{ code: 'limit.outage_allowed', message: '', rule: 'per-user' }],
    });
    counts.decided('authorize', passed, 'acme');
    counts.decided('authorize', passed, 'acme');
    expect(await sample(counts, 'tollgate_limit_outage_allowed_total{limit="per-user"}')).toBe(2);
  });

  test('say how much of a budget is used and left, of the fullest account of the last minute', async () => {
    const counts = new DecisionCounts();
    const account = anAccount('team-month', 'team:hr');
    const fuller = {
      ...account,
      committed: { ...account.committed, costMicroUsd: 89_000_000n },
      held: { ...account.held, costMicroUsd: 6_000_000n },
    };
    const at = (decidedAtMs: number, one: typeof account): void =>
      counts.decided('authorize', aDecision(1, { accounts: [one], decidedAtMs }), 'acme');
    const used = 'tollgate_budget_used_ratio{tenant="acme",budget="team-month"}';
    const left = 'tollgate_budget_remaining{tenant="acme",budget="team-month",unit="micro_usd"}';
    at(1000, fuller);
    at(2000, account);
    expect(await sample(counts, used)).toBe(0.95);
    expect(await sample(counts, left)).toBe(5_000_000);
    at(62_000, account);
    expect(await sample(counts, used)).toBeCloseTo(0.412, 3);
    expect(await sample(counts, left)).toBe(58_793_780);
  });

  test('a cap of 0 counts as used up, and an account that could not be read counts as nothing', async () => {
    const counts = new DecisionCounts();
    const closed = { ...anAccount('closed', 'team:hr'), caps: { costMicroUsd: 0n } };
    const unread = { ...anAccount('unread', 'team:hr'), outage: true };
    counts.decided('authorize', aDecision(1, { accounts: [closed, unread] }), 'acme');
    expect(await sample(counts, 'tollgate_budget_used_ratio{tenant="acme",budget="closed"}')).toBe(
      1,
    );
    expect(await textOf(counts)).not.toContain('unread');
  });

  test('say what is left of a window', async () => {
    const counts = new DecisionCounts();
    counts.decided('authorize', aDecision(1), 'acme');
    const window = 'tollgate_limit_remaining_ratio{limit="per-user",window_seconds="60"}';
    expect(await sample(counts, window)).toBe(0.007);
  });

  test('count settlements, overruns and their sum, and expired holds', async () => {
    const counts = new DecisionCounts();
    counts.settled('commit', 'settled', 1_500_000n);
    counts.settled('commit', 'settled', 0n);
    counts.settled('release', 'not_found', 0n);
    counts.expired.value += 3;
    const text = await textOf(counts);
    const value = (start: string): number | undefined => valueIn(text, start);
    expect(value('tollgate_settlements_total{operation="commit",outcome="settled"}')).toBe(2);
    expect(value('tollgate_settlements_total{operation="release",outcome="not_found"}')).toBe(1);
    expect(value('tollgate_overruns_total')).toBe(1);
    expect(value('tollgate_overrun_usd_total')).toBe(1.5);
    expect(value('tollgate_holds_expired_total')).toBe(3);
  });

  test('keep no more series than their bound, whatever the configuration holds', async () => {
    const counts = new DecisionCounts();
    for (let number = 0; number < MAX_SERIES + 500; number++) {
      counts.exempted(`exemption-${number}`, 'per-user');
    }
    const text = await textOf(counts);
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith('tollgate_exemptions_used_total{'));
    expect(lines).toHaveLength(MAX_SERIES + 1);
    const other = 'tollgate_exemptions_used_total{exemption="other",limit="other"}';
    expect(valueIn(text, other)).toBe(500);
  });

  test('a label may hold any text', async () => {
    const counts = new DecisionCounts();
    counts.exempted('say "hi"\n\\', 'per-user');
    expect(await textOf(counts)).toContain('exemption="say \\"hi\\"\\n\\\\"');
  });
});

describe('a histogram', () => {
  test('is cumulative, counts a bound as below it, and what is above the last bound too', () => {
    const histogram = new Histogram();
    for (const seconds of [0, BUCKET_SECONDS[0], 0.0011, 7]) histogram.observe(seconds);
    const counts = histogram.cumulative();
    expect(counts[0]).toBe(2);
    expect(counts[BUCKET_SECONDS.indexOf(1e-3)]).toBe(2);
    expect(counts[BUCKET_SECONDS.indexOf(2.5e-3)]).toBe(3);
    expect(counts.at(-1)).toBe(4);
    expect(histogram.sumSeconds).toBeCloseTo(7.001105, 6);
  });
});

const well: Health = { adapter: 'x', healthy: true, problem: '' };
const ill: Health = { adapter: 'x', healthy: false, problem: 'connection refused' };
const journal = { ...well, waiting: 4, bytes: 8192, oldestAgeMs: 2500, refused: 1 };

function status(ledger: Health): ProcessStatus {
  return {
    version: '1',
    configurationRevision: '3-9f86d081',
    configurationLoadedAtMs: 1_795_000_000_000,
    configurationError: '',
    components: [
      { name: 'rate_limiter', ...well },
      { name: 'ledger', ...ledger },
    ],
    recordsWaiting: 4,
    startedAtMs: 0,
  };
}

describe('what a process says about its parts', () => {
  async function watched(ledger: () => Health): Promise<Telemetry & { text: () => string }> {
    const log = keptLog('info');
    const off = { tracesUrl: undefined, serviceName: 'x', sampler: 'always_on' } as const;
    const clock = new ManualClock(0);
    const telemetry = await openTelemetry({ ...off, samplerRatio: 1 }, 'info', { clock, log });
    telemetry.watch({ status: () => journal }, { status: async () => status(ledger()) });
    await telemetry.close();
    return { ...telemetry, text: () => log.text };
  }

  test('stores, journal and configuration are metrics', async () => {
    const { metricsText } = await watched(() => ill);
    const text = await metricsText();
    expect(valueIn(text, 'tollgate_store_healthy{store="rate_limiter"}')).toBe(1);
    expect(valueIn(text, 'tollgate_store_healthy{store="ledger"}')).toBe(0);
    expect(valueIn(text, 'tollgate_records_waiting')).toBe(4);
    expect(valueIn(text, 'tollgate_journal_bytes')).toBe(8192);
    expect(valueIn(text, 'tollgate_records_oldest_seconds')).toBe(2.5);
    expect(valueIn(text, 'tollgate_records_refused_total')).toBe(1);
    expect(valueIn(text, 'tollgate_configuration_revision{revision="3-9f86d081"}')).toBe(1);
    expect(text).toContain('process_resident_memory_bytes ');
    expect(text).toContain('nodejs_eventloop_lag_seconds ');
  });

  test('a store that is well is not mentioned in the log; one that is not is, once', async () => {
    expect((await watched(() => well)).text()).toBe('');
    const ailing = await watched(() => ill);
    expect(ailing.text().match(/store does not answer/g)).toHaveLength(1);
    expect(ailing.text()).toContain('connection refused');
  });

  test('a look that throws is logged and does not end the process', async () => {
    const broken = await watched(() => {
      throw new Error('a defect');
    });
    expect(broken.text()).toContain('a defect');
    expect(valueIn(await broken.metricsText(), 'tollgate_records_waiting')).toBe(4);
  });

  test('requests are timed by operation', async () => {
    const telemetry = await watched(() => well);
    const none = { traceparent: '', tracestate: '' };
    await telemetry.tracing.run('/tollgate.v1.DecisionService/Authorize', none, async () => 1);
    await telemetry.tracing.run('/tollgate.v1.QueryService/GetDecision', none, async () => 1);
    telemetry.observer.step('policy', () => 1);
    const text = await telemetry.metricsText();
    expect(valueIn(text, 'tollgate_decision_seconds_count{operation="authorize"}')).toBe(1);
    expect(valueIn(text, 'tollgate_decision_seconds_count{operation="get_decision"}')).toBe(1);
    expect(valueIn(text, 'tollgate_decision_seconds_bucket{operation="authorize",le="+Inf"}')).toBe(
      1,
    );
    expect(valueIn(text, 'tollgate_policy_evaluation_seconds_count')).toBe(1);
    expect(valueIn(text, 'tollgate_stage_seconds_count{stage="policy"}')).toBe(1);
  });
});
