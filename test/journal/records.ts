import type { Decision } from '../../src/decision/decision.ts';
import type { DecisionRecord } from '../../src/decision/record.ts';
import type { Person } from '../../src/person/person.ts';

export const A_PERSON: Person = {
  externalUserId: 'ext-77',
  email: 'alice@example.com',
  name: 'Alice Example',
  session: 'session-1',
  sourceIp: '203.0.113.9',
};

/** A record as one call with two windows and two accounts makes it; every part can be replaced. */
export function aRecord(number: number, decision: Partial<Decision> = {}): DecisionRecord {
  return {
    requestId: `request-${number}`,
    fingerprint: 'abcdefghijklmnopqrstuv',
    operation: 'authorize',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    facts: {
      tenant: 'acme',
      agent: 'copilot',
      agentVersion: '2026-01',
      provider: 'azure_openai',
      user: 'alice',
      team: 'hr',
      roles: ['analyst', 'reviewer'],
      system: 'helpdesk',
      environment: 'production',
      country: 'DE',
      dataClassification: ['pii'],
      attributes: { region: 'eu' },
      model: 'gpt-4',
      complexity: 'standard',
      estimated: amounts(103_110n, 374n, 44n, 1n),
      parentTraceId: '',
      consent: '',
    },
    personCommitment: 'xSd1T0a0dEEbWLRpnCDWMPVTq4GqTXSdYBSyAWl1sQA',
    person: {
      commitment: 'xSd1T0a0dEEbWLRpnCDWMPVTq4GqTXSdYBSyAWl1sQA',
      keyId: 'bXJZcXRzYmpvZ2dsZXM',
      wrappedKey: 'd3JhcHBlZC1rZXk',
      emailIndex: 'ZW1haWwtaW5kZXg',
      userIndex: 'dXNlci1pbmRleA',
      keyMadeAtMs: 1_794_999_999_000,
      sealed: 'c2VhbGVkLXBlcnNvbg',
    },
    decision: aDecision(number, decision),
    reservationId: '',
  };
}

export function aDecision(number: number, changes: Partial<Decision> = {}): Decision {
  return {
    decisionId: `dec_${String(number).padStart(22, '0')}`,
    effect: 'allow',
    reasons: [
      {
        code: 'policy.allowed',
        message: 'Policy allow-production allows the call.',
        ruleKind: 'policy',
        rule: 'allow-production',
      },
    ],
    windows: [aWindow('user:alice', 60_000, 7), aWindow('organization:acme', 3_600_000, 812)],
    accounts: [anAccount('team-month', 'team:hr'), anAccount('org-month', 'organization:acme')],
    grant: {
      maxCostMicroUsd: undefined,
      maxOutputTokens: undefined,
      expiresAtMs: 1_795_000_060_000,
      token: 'v1.eyJkIjoiZGVjXzAwMSJ9.c2lnbmF0dXJl',
    },
    obligations: [],
    exemptions: [],
    degraded: false,
    price: {
      baseMicroUsd: 85_925n,
      bufferMicroUsd: 17_185n,
      totalMicroUsd: 103_110n,
      tableVersion: 'default-1',
    },
    explanation: undefined,
    configurationRevision: '3-9f86d081',
    decidedAtMs: 1_795_000_000_000,
    ...changes,
  };
}

function aWindow(scope: string, lengthMs: number, remaining: number): Decision['windows'][number] {
  return {
    limitId: 'per-user',
    scope,
    unit: 'requests',
    lengthMs,
    limit: 1000,
    remaining,
    resetAfterMs: 41_200,
    violated: false,
    retryAfterMs: 0,
    outage: false,
  };
}

export function anAccount(budgetId: string, owner: string): Decision['accounts'][number] {
  return {
    account: `${budgetId}/${owner}/2026-11-01`,
    budgetId,
    owner,
    periodStartMs: 1_793_491_200_000,
    periodEndMs: 1_796_083_200_000,
    caps: { costMicroUsd: 100_000_000n, invocations: 10_000n },
    carried: { costMicroUsd: 5_000_000n },
    soft: false,
    warnPerMille: 800,
    degradePerMille: 900,
    committed: amounts(41_000_000n, 120_000n, 9_000n, 310n),
    held: amounts(206_220n, 748n, 88n, 2n),
    outage: false,
  };
}

function amounts(
  costMicroUsd: bigint,
  inputTokens: bigint,
  outputTokens: bigint,
  invocations: bigint,
): DecisionRecord['facts']['estimated'] {
  return { costMicroUsd, inputTokens, outputTokens, invocations };
}
