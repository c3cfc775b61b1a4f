import { describe, expect, test } from 'vitest';
import { DecisionCounts } from '../../src/telemetry/decision-counts.ts';
import { TelemetryObserver } from '../../src/telemetry/observer.ts';
import { tracingOff } from '../../src/telemetry/tracing.ts';
import { aDecision } from '../journal/records.ts';
import { keptLog, type Lines } from './lines.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

function observerOn(log: Lines): TelemetryObserver {
  return new TelemetryObserver(log.logger, new DecisionCounts(), tracingOff);
}

const denial = aDecision(7, {
  effect: 'deny',
  reasons: [
    {
      code: 'policy.allowed',
      message: 'Policy allow-all allows the call of alice@example.com.',
      rule: 'allow-all',
    },
    {
      code: 'limit.exceeded',
      message: 'The limit of user alice@example.com has no room.',
      ruleKind: 'limit',
      rule: 'per-user',
      scope: 'user:alice@example.com',
      limit: 10n,
      remaining: 0n,
    },
  ],
});

describe('what is logged of decisions', () => {
  test('a denial is one line with what an operator needs to find it, and nobody in it', () => {
    const log = keptLog('info');
    observerOn(log).decided('reserve', denial, 'acme', 'copilot', TRACE);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      operation: 'reserve',
      decision: denial.decisionId,
      trace: TRACE,
      tenant: 'acme',
      agent: 'copilot',
      reasons: [{ code: 'limit.exceeded', rule: 'per-user' }],
      revision: denial.configurationRevision,
      msg: 'denied',
    });
    expect(log.text).not.toContain('alice');
  });

  test('an allow is a line at debug, and nothing at info', () => {
    const quiet = keptLog('info');
    observerOn(quiet).decided('authorize', aDecision(1), 'acme', 'copilot', TRACE);
    expect(quiet.lines).toEqual([]);
    const talking = keptLog('debug');
    observerOn(talking).decided('authorize', aDecision(1), 'acme', 'copilot', TRACE);
    expect(talking.lines).toMatchObject([{ level: 'debug', msg: 'allowed', trace: TRACE }]);
  });

  test('costs no reading of the decision when its level is off', () => {
    const log = keptLog('silent');
    const unread = { ...denial, windows: [], accounts: [] };
    Object.defineProperty(unread, 'decisionId', {
      get: () => {
        throw new Error('built a line that nobody reads');
      },
    });
    observerOn(log).decided('reserve', unread, 'acme', 'copilot', TRACE);
    expect(log.lines).toEqual([]);
  });

  test('every use of an exemption is a line (R28)', () => {
    const log = keptLog('info');
    observerOn(log).exempted('incident-42', 'per-user');
    expect(log.lines).toMatchObject([{ exemption: 'incident-42', limit: 'per-user' }]);
  });

  test('a stage answers what it answers, and fails as it fails', async () => {
    const observer = observerOn(keptLog('info'));
    expect(await observer.stage('hold', () => Promise.resolve(3))).toBe(3);
    expect(observer.step('policy', () => 4)).toBe(4);
    await expect(observer.stage('hold', () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(() =>
      observer.step('policy', () => {
        throw new Error('y');
      }),
    ).toThrow('y');
  });
});
