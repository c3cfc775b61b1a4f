import { randomUUID } from 'node:crypto';
import type { AccountSpec, Period } from '../src/budgets/account.ts';
import type { Amounts } from '../src/budgets/amounts.ts';
import type { CommitRequest, HoldRequest } from '../src/decision/ports.ts';
import type { DecisionRecord } from '../src/decision/record.ts';
import { decisionIdOf, reservationIdOf } from '../src/lib/ids.ts';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../src/lib/clock.ts';
import { MASTER_KEY_BYTES, PersonVault } from '../src/person/person-vault.ts';

export const TENANT = 'acme';
/** What every cycle commits. */
export const SPENT: Amounts = amounts(80_000n, 4_612n, 803n);
const ESTIMATED: Amounts = amounts(103_110n, 4_808n, 1_024n);

/** The one account that every call is charged to. */
export const HOT_BUDGET = 'org-month';

/** As many accounts of each kind as a large customer has; every call takes one of each. */
const BUDGETS = [
  budget(HOT_BUDGET, 0, 'monthly', 1, () => `organization:${TENANT}`),
  budget('team-month', 4, 'monthly', 19, (n) => `team:team-${n}`),
  budget('user-day', 8, 'daily', 180, (n) => `user:user-${n}`),
  budget('team-agent-month', 6, 'monthly', 300, (n) => `team:team-${n % 19}/agent:agent-${n}`),
  budget('user-agent-month', 10, 'monthly', 500, (n) => `user:user-${n % 180}/agent:agent-${n}`),
] as const;

interface Budget {
  readonly template: Omit<AccountSpec, 'owner'>;
  readonly owners: readonly string[];
}

/** Hard caps on cost and calls that never bind. */
function budget(
  budgetId: string,
  depth: number,
  period: Period,
  count: number,
  owner: (number: number) => string,
): Budget {
  return {
    owners: Array.from({ length: count }, (_, number) => owner(number)),
    template: {
      budgetId,
      period,
      depth,
      timeZone: 'Europe/Berlin',
      caps: { costMicroUsd: 10n ** 15n, invocations: 10n ** 12n },
      soft: false,
      warnPerMille: 800,
      degradePerMille: 900,
      alertPerMille: [500, 750, 800, 900, 950, 1000],
      rollover: {},
    },
  };
}

/** Made anew for each call, as a budget set makes them. */
function accountsOfCall(): readonly AccountSpec[] {
  return BUDGETS.map(({ template, owners }) => ({
    ...template,
    owner: owners[Math.floor(Math.random() * owners.length)] ?? '',
  }));
}

/** A hold as the pipeline asks for it, with the record of a call that two limits let through. */
export function holdRequest(): HoldRequest {
  const requestId = randomUUID();
  const fingerprint = requestId.slice(0, 22);
  const decisionId = decisionIdOf(TENANT, 'reserve', requestId);
  const reservationId = reservationIdOf(decisionId);
  const user = `user-${Math.floor(Math.random() * 180)}`;
  return {
    tenant: TENANT,
    requestId,
    fingerprint,
    reservationId,
    amounts: ESTIMATED,
    accounts: accountsOfCall(),
    holdForMs: 300_000,
    acceptPartial: false,
    authorizedBy: '',
    pricing: {
      agent: 'copilot-hr',
      platform: 'azure_openai',
      model: 'gpt-4',
      complexity: 'standard',
    },
    record: recordOfCall({ requestId, fingerprint, decisionId, reservationId, user }),
  };
}

interface Identity {
  readonly requestId: string;
  readonly fingerprint: string;
  readonly decisionId: string;
  readonly reservationId: string;
  readonly user: string;
}

const vault = new PersonVault(randomBytes(MASTER_KEY_BYTES), systemClock);

function recordOfCall(call: Identity): DecisionRecord {
  const { requestId, fingerprint, decisionId, reservationId, user } = call;
  const person = vault.seal(TENANT, {
    externalUserId: `ext-${user}`,
    email: '',
    name: '',
    session: fingerprint,
    sourceIp: '203.0.113.9',
  });
  return {
    requestId,
    fingerprint,
    operation: 'reserve',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    reservationId,
    facts: {
      tenant: TENANT,
      agent: 'copilot-hr',
      agentVersion: '2026-01',
      provider: 'azure_openai',
      user,
      team: 'hr',
      roles: ['employee', 'reviewer'],
      system: 'helpdesk',
      environment: 'production',
      country: '',
      dataClassification: [],
      attributes: {},
      model: 'gpt-4',
      complexity: 'standard',
      estimated: ESTIMATED,
      parentTraceId: '',
      consent: '',
    },
    personCommitment: person?.commitment ?? '',
    person,
    decision: draft(decisionId, user),
  };
}

function draft(decisionId: string, user: string): DecisionRecord['decision'] {
  return {
    decisionId,
    effect: 'allow',
    reasons: [
      {
        code: 'policy.allowed',
        message: 'Policy copilot-in-production allows.',
        ruleKind: 'policy',
        rule: 'copilot-in-production',
      },
    ],
    windows: [
      windowStatus('per-user', `user:${user}`, 60_000),
      windowStatus('per-organization', `organization:${TENANT}`, 3_600_000),
    ],
    accounts: [],
    grant: undefined,
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
    decidedAtMs: Date.now(),
  };
}

function windowStatus(
  limitId: string,
  scope: string,
  lengthMs: number,
): DecisionRecord['decision']['windows'][number] {
  return {
    limitId,
    scope,
    unit: 'requests',
    lengthMs,
    limit: 1_000_000,
    remaining: 812_417,
    resetAfterMs: 41_200,
    violated: false,
    retryAfterMs: 0,
    taken: 1,
    outage: false,
  };
}

export function commitRequest({ tenant, reservationId }: HoldRequest): CommitRequest {
  const requestId = randomUUID();
  return {
    tenant,
    requestId,
    fingerprint: requestId.slice(0, 22),
    traceId: '0af7651916cd43dd8448eb211c80319c',
    reservationId,
    actual: SPENT,
    outcome: 'success',
    durationMs: 1_250,
    errorMessage: '',
  };
}

function amounts(costMicroUsd: bigint, inputTokens: bigint, outputTokens: bigint): Amounts {
  return { costMicroUsd, inputTokens, outputTokens, invocations: 1n };
}
