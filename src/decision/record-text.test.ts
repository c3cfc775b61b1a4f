import { describe, expect, test } from 'vitest';
import { decodeRecord } from './record-codec.ts';
import { recordIn } from '../../test/support/record-rows.ts';
import {
  decidedAtMsIn,
  decisionIdIn,
  FIELD_SEPARATOR,
  recordRow,
  ROW_SEPARATOR,
} from './record-row.ts';
import { encodeRecord } from './record-text.ts';
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
    country: '',
    dataClassification: [],
    attributes: { region: 'eu', big: 9_007_199_254_740_993n },
    model: '',
    complexity: 'standard',
    estimated: { costMicroUsd: 3n, inputTokens: 5n, outputTokens: 2n, invocations: 1n },
    parentTraceId: '',
    consent: '',
  },
  personCommitment: 'Y29tbWl0bWVudA',
  person: {
    commitment: 'Y29tbWl0bWVudA',
    keyId: 'a2V5',
    wrappedKey: 'd3JhcHBlZA',
    emailIndex: 'ZW1haWw',
    userIndex: '',
    keyMadeAtMs: 1_699_999_999_999,
    sealed: 'c2VhbGVk',
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

describe('the row of a record', () => {
  test('is read back as the record that it was, without its person', () => {
    expect(recordIn(Buffer.from(recordRow(record)))).toEqual({ ...record, person: undefined });
    expect(decodeRecord(encodeRecord(record))).toEqual({ ...record, person: undefined });
  });

  test('says which decision it is, and when it was made', () => {
    const row = recordRow(record);
    expect(decisionIdIn(row)).toBe('dec_1');
    expect(decidedAtMsIn(row)).toBe(1_700_000_000_000);
  });

  test('has the fields that stores take it apart by, whatever the record says', () => {
    const nasty = 'a\u0000b\u001e\u001f\nc';
    const facts = { ...record.facts, agent: nasty, system: nasty };
    const row = recordRow({ ...record, facts, requestId: nasty });
    expect(row.split(FIELD_SEPARATOR)).toHaveLength(
      recordRow(record).split(FIELD_SEPARATOR).length,
    );
    expect(row).not.toContain(ROW_SEPARATOR);
    expect(row).not.toContain('\n');
    expect(recordIn(Buffer.from(row)).facts.system).toBe(nasty);
  });
});
