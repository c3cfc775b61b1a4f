import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import { DecisionCounts } from '../../src/telemetry/decision-counts.ts';
import { logCalibrations, logRollUp } from '../../src/telemetry/event-log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { keptLog } from './lines.ts';

const CALIBRATION = {
  ...{ tenant: 'acme', agent: 'crm', tableVersion: 'v1', factorPerMille: 1000n, sinceMs: 0 },
  ...{ calls: 4, estimatedMicroUsd: 400n, actualMicroUsd: 500n },
};

const open = () => {
  const log = keptLog('info');
  const counts = new DecisionCounts();
  const clock = new ManualClock(0);
  return {
    ...{ log, clock },
    rollUp: logRollUp(log.logger, counts, clock),
    calibrations: logCalibrations(log.logger, counts, clock),
    metrics: () =>
      createMetrics({
        ...{ counts, watch: () => undefined, droppedLogLines: () => 0, lostSpans: () => 0 },
      }).metrics(),
  };
};

describe('what is told of usage', () => {
  test('R77 how much was summed, how much is behind, and how far estimates are off', async () => {
    const { rollUp, calibrations, metrics } = open();
    expect(await metrics()).not.toMatch(/^tollgate_usage_batches_behind /m);
    rollUp.done(500, 12);
    rollUp.done(7, 0);
    calibrations.seen([
      CALIBRATION,
      { ...CALIBRATION, agent: 'new', estimatedMicroUsd: 0n, actualMicroUsd: 0n },
    ]);
    const text = await metrics();
    expect(text).toContain('tollgate_usage_entries_summed_total 507');
    expect(text).toContain('tollgate_usage_batches_behind 0');
    expect(text).toContain('tollgate_estimate_variance_ratio{tenant="acme",agent="crm"} 0.25');
    expect(text).not.toContain('agent="new"');
  });

  test('R52 a factor that was found anew is a line and a count', async () => {
    const { rollUp, log, metrics } = open();
    const found = { beforePerMille: 1000, afterPerMille: 1500, calls: 100 };
    rollUp.recalibrated({ tenant: 'acme', agent: 'crm', ...found });
    expect(log.lines).toMatchObject([{ level: 'info', tenant: 'acme', agent: 'crm', ...found }]);
    expect(await metrics()).toContain('tollgate_recalibrations_total{tenant="acme"} 1');
  });

  test('an outage is told once a minute', () => {
    const { rollUp, calibrations, log, clock } = open();
    for (let second = 0; second < 61; second += 1) {
      rollUp.failed('away');
      calibrations.failed('away');
      clock.advance(1_000);
    }
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn', 'warn']);
  });
});
