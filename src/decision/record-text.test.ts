import { describe, expect, test } from 'vitest';
import { recordToWire } from './record-codec.ts';
import { encodeRecord, encodeWithoutPerson, readRecord } from './record-text.ts';
import type { DecisionRecord } from './record.ts';

const window = {
  limitId: 'user-rate',
  scope: 'user:"alice"',
  unit: 'requests',
  lengthMs: 60_000,
  limit: 10,
  remaining: 9,
  resetAfterMs: 1_000,
  violated: false,
  retryAfterMs: 0,
  outage: false,
};

const record: DecisionRecord = {
  requestId: 'req-1',
  fingerprint: 'f',
  operation: 'authorize',
  traceId: '',
  facts: {
    tenant: 'acme',
    agent: 'copilot',
    agentVersion: '',
    provider: 'studio',
    user: 'alice',
    team: 'hr',
    roles: ['employee'],
    system: '',
    environment: 'production',
    model: '',
    complexity: 'standard',
    estimated: { costMicroUsd: 3n, inputTokens: 5n, outputTokens: 2n, invocations: 1n },
    parentTraceId: '',
  },
  personal: {
    externalUserId: '',
    email: 'alice@acme.example',
    name: 'Alice "A." Müller',
    session: '',
    sourceIp: '',
  },
  decision: {
    decisionId: 'dec_1',
    effect: 'allow',
    reasons: [],
    windows: [
      { ...window, taken: 1 },
      { ...window, unit: 'tokens', resetAfterMs: Infinity },
      { ...window, scope: 'user:bob', limit: 11 },
    ],
    accounts: [],
    grant: undefined,
    obligations: [{ name: 'log', source: 'policy', parameters: { personal: { email: 'nobody' } } }],
    exemptions: [],
    degraded: false,
    price: undefined,
    explanation: undefined,
    configurationRevision: '1',
    decidedAtMs: 1_700_000_000_000,
  },
  reservationId: '',
};

describe('the text of a record', () => {
  test('without the person is the same before and after it was written, and when read back', () => {
    const fresh = encodeWithoutPerson(structuredClone(record));
    expect(fresh).not.toContain('Alice');
    const line = encodeRecord(record);
    expect(encodeWithoutPerson(record)).toBe(fresh);
    expect(encodeWithoutPerson(readRecord(line))).toBe(fresh);
  });

  test('is read back as the record that it was', () => {
    expect(readRecord(encodeRecord(record))).toEqual(record);
  });

  test('of a version that wrote the person in the middle is read', () => {
    const line = JSON.stringify(recordToWire(record));
    expect(line.indexOf('"personal":{"ext')).toBeLessThan(line.indexOf('"decision":'));
    const read = readRecord(line);
    expect(read).toEqual(record);
    expect(encodeWithoutPerson(read)).toBe(encodeWithoutPerson(structuredClone(record)));
  });
});
