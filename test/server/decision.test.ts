import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Decided, Settled } from '../../src/decision/answers.ts';
import type { AccountStatus, Decision, WindowStatus } from '../../src/decision/decision.ts';
import type { Violation as LimitViolation } from '../../src/limits/violation.ts';
import type { Policy } from '../../src/policy/policy.ts';
import type { Queries } from '../../src/decision/queries.ts';
import { REASONS, type ReasonCode } from '../../src/decision/reasons.ts';
import type { StoredRecord } from '../../src/decision/record.ts';
import {
  CommitRequest,
  ReleaseRequest,
  ReservationState,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import {
  GetBudgetStatusRequest,
  GetDecisionRequest,
  GetRateStatusRequest,
  GetReservationRequest,
  ListDecisionsRequest,
  ListPoliciesRequest,
  ListViolationsRequest,
} from '../../src/gen/tollgate/v1/query_service.ts';
import { Outcome } from '../../src/gen/tollgate/v1/call.ts';
import { ReasonCode as ReasonCodeConstant } from '../../src/gen/tollgate/v1/reason_code.ts';
import {
  Effect,
  RuleKind,
  Truth,
  type Decision as WireDecision,
} from '../../src/gen/tollgate/v1/verdict.ts';
import { writeReason } from '../../src/server/write-decision.ts';
import {
  ALLOW,
  AMOUNTS,
  ask,
  authorizeRequest,
  CALL,
  DECIDED_AT_MS,
  knowing,
  RESERVATION,
  scripted,
  settled,
  startEdge,
  type RunningEdge,
} from './support.ts';

const ZERO = { costMicroUsd: 0n, inputTokens: 0n, outputTokens: 0n, invocations: 0n };

const WINDOW: WindowStatus = {
  limitId: 'user-rate',
  scope: 'user:alice',
  unit: 'requests',
  lengthMs: 60_000,
  limit: 10,
  remaining: 0,
  resetAfterMs: 1_500,
  violated: true,
  retryAfterMs: 12_345,
  outage: false,
};

const ACCOUNT: AccountStatus = {
  account: 'org-month/organization:acme/2026-11-01',
  budgetId: 'org-month',
  owner: 'organization:acme',
  periodStartMs: Date.UTC(2026, 10, 1),
  periodEndMs: Date.UTC(2026, 11, 1),
  caps: { costMicroUsd: 1_000_000n, totalTokens: 10_000n },
  carried: { costMicroUsd: 250_000n },
  soft: false,
  warnPerMille: 800,
  degradePerMille: 900,
  committed: { ...ZERO, costMicroUsd: 700_000n },
  held: { ...AMOUNTS, costMicroUsd: 150_000n },
  outage: false,
};

const DENY: Decision = {
  ...ALLOW,
  effect: 'deny',
  grant: undefined,
  reasons: [
    {
      code: 'limit.exceeded',
      message: 'No room.',
      ruleKind: 'limit',
      rule: 'user-rate',
      scope: 'user:alice',
      windowMs: 60_000,
      unit: 'requests',
      limit: 10n,
      remaining: 0n,
      requested: 1n,
      retryAfterMs: 12_345,
    },
    {
      code: 'budget.exceeded',
      message: 'Not enough left.',
      ruleKind: 'budget',
      rule: 'org-month',
      account: ACCOUNT.account,
      unit: 'micro_usd',
      limit: 1_000_000n,
      remaining: -5n,
      requested: 120_000n,
      retryAfterMs: 86_400_000,
    },
    { code: 'budget.warning', message: 'Past 80 %.', ruleKind: 'budget', rule: 'org-month' },
  ],
  windows: [WINDOW],
  accounts: [ACCOUNT],
  obligations: [
    { name: 'cap_output_tokens', source: 'p1', parameters: { most: 100, models: ['small'] } },
    { name: 'require_approval', source: 'p2', parameters: {} },
  ],
  exemptions: ['emergency'],
  degraded: true,
  price: {
    baseMicroUsd: 100_000n,
    bufferMicroUsd: 20_000n,
    totalMicroUsd: 120_000n,
    tableVersion: '2026-01',
  },
  explanation: {
    policy: {
      effect: 'deny',
      combining: 'DENY_OVERRIDES',
      deciding: [],
      considered: [
        {
          policyId: 'p1',
          effect: 'deny',
          applies: 'unknown',
          decided: true,
          conditions: [{ condition: 'country is DE', saw: '', truth: 'unknown' }],
        },
      ],
      obligations: [],
    },
    limits: [{ rule: 'user-rate', scope: 'user:alice', status: 'applies' }],
    budgets: [],
  },
};

let decided: Decided = { kind: 'decided', decision: ALLOW, reservation: undefined };
let settlement: Settled = settled;
let answers: Partial<Queries> = {};
let edge: RunningEdge;
beforeAll(async () => {
  const { point } = scripted({
    authorize: () => Promise.resolve(decided),
    reserve: () => Promise.resolve(decided),
    commit: () => Promise.resolve(settlement),
    release: () => Promise.resolve(settlement),
  });
  const queries = new Proxy(knowing(), {
    get: (target, name: keyof Queries) => answers[name] ?? target[name],
  });
  edge = await startEdge(point, { queries });
});
afterAll(() => edge.stop());

async function authorized(decision: Decision): Promise<WireDecision | undefined> {
  decided = { kind: 'decided', decision, reservation: undefined };
  const seen = await ask(edge.client, edge.client.authorize, authorizeRequest());
  return seen.decision;
}

const SUSTAINED: LimitViolation = {
  limitId: 'user-rate',
  scope: 'user:alice',
  windowMs: 60_000,
  count: 7,
  firstAtMs: 1_000,
  lastAtMs: 400_000,
  minutesInRow: 6,
};
const ENDED: LimitViolation = { ...SUSTAINED, scope: 'user:bob', lastAtMs: 200_000 };

describe('a decision on the wire', () => {
  it('X7: a denial says every rule, scope, window, account, amount and wait', async () => {
    expect(await authorized(DENY)).toEqual({
      decisionId: 'dec_1',
      effect: Effect.DENY,
      reasons: [
        {
          code: 'limit.exceeded',
          message: 'No room.',
          ruleKind: RuleKind.LIMIT,
          rule: 'user-rate',
          scope: 'user:alice',
          window: { seconds: 60n, nanos: 0 },
          account: '',
          unit: 'requests',
          limit: 10n,
          remaining: 0n,
          requested: 1n,
          retryAfter: { seconds: 12n, nanos: 345_000_000 },
          advisory: false,
          reasonCode: ReasonCodeConstant.LIMIT_EXCEEDED,
        },
        {
          code: 'budget.exceeded',
          message: 'Not enough left.',
          ruleKind: RuleKind.BUDGET,
          rule: 'org-month',
          scope: '',
          window: undefined,
          account: ACCOUNT.account,
          unit: 'micro_usd',
          limit: 1_000_000n,
          remaining: -5n,
          requested: 120_000n,
          retryAfter: { seconds: 86_400n, nanos: 0 },
          advisory: false,
          reasonCode: ReasonCodeConstant.BUDGET_EXCEEDED,
        },
        {
          code: 'budget.warning',
          message: 'Past 80 %.',
          ruleKind: RuleKind.BUDGET,
          rule: 'org-month',
          scope: '',
          window: undefined,
          account: '',
          unit: '',
          limit: undefined,
          remaining: undefined,
          requested: undefined,
          retryAfter: undefined,
          advisory: true,
          reasonCode: ReasonCodeConstant.BUDGET_WARNING,
        },
      ],
      rateStatus: [
        {
          limitId: 'user-rate',
          scope: 'user:alice',
          window: { seconds: 60n, nanos: 0 },
          limit: 10n,
          remaining: 0n,
          resetAfter: { seconds: 1n, nanos: 500_000_000 },
          unit: 'requests',
          outage: false,
        },
      ],
      budgetStatus: [
        {
          budgetId: 'org-month',
          account: ACCOUNT.account,
          scope: 'organization:acme',
          periodStart: new Date('2026-11-01T00:00:00Z'),
          periodEnd: new Date('2026-12-01T00:00:00Z'),
          metrics: [
            {
              unit: 'micro_usd',
              cap: 1_000_000n,
              committed: 700_000n,
              carried: 250_000n,
              held: 150_000n,
              remaining: 150_000n,
            },
            {
              unit: 'total_tokens',
              cap: 10_000n,
              carried: 0n,
              committed: 0n,
              held: 1_500n,
              remaining: 8_500n,
            },
          ],
          usedPerMille: 850,
          warning: true,
          degraded: false,
          soft: false,
          outage: false,
        },
      ],
      headers: [
        { name: 'X-RateLimit-Limit', value: '10' },
        { name: 'X-RateLimit-Remaining', value: '0' },
        { name: 'X-RateLimit-Reset', value: '2' },
        { name: 'RateLimit', value: '"user-rate-60";r=0;t=2' },
        { name: 'RateLimit-Policy', value: '"user-rate-60";q=10;w=60' },
        { name: 'Retry-After', value: '86400' },
      ],
      grant: undefined,
      obligations: [
        {
          name: 'cap_output_tokens',
          source: 'p1',
          parameters: { most: 100, models: ['small'] },
        },
        { name: 'require_approval', source: 'p2', parameters: undefined },
      ],
      configurationRevision: '7-0a1b2c3d',
      explanation: {
        combining: 'DENY_OVERRIDES',
        policies: [
          {
            policy: 'p1',
            effect: Effect.DENY,
            applies: Truth.UNKNOWN,
            decided: true,
            conditions: [{ condition: 'country is DE', saw: '', truth: Truth.UNKNOWN }],
          },
        ],
        limits: [{ rule: 'user-rate', scope: 'user:alice', status: 'applies' }],
        budgets: [],
      },
      degraded: true,
      decidedAt: new Date(DECIDED_AT_MS),
      price: {
        baseMicroUsd: 100_000n,
        bufferMicroUsd: 20_000n,
        totalMicroUsd: 120_000n,
        tableVersion: '2026-01',
      },
      exemptions: ['emergency'],
    });
  });

  it('X8: an allow carries its grant; what is absent stays absent', async () => {
    const seen = await authorized(ALLOW);
    expect(seen).toMatchObject({
      effect: Effect.ALLOW,
      grant: { token: 'token-1', expiresAt: new Date(DECIDED_AT_MS + 60_000) },
      headers: [],
      explanation: undefined,
      price: undefined,
    });
  });

  it('R29: a denial that waiting does not lift has no Retry-After', async () => {
    const reasons = [...DENY.reasons, { code: 'policy.denied', message: 'No.' } as const];
    const seen = await authorized({ ...DENY, reasons });
    expect(seen?.headers.map(({ name }) => name)).not.toContain('Retry-After');
  });

  it('a window or account whose store was away says so instead of amounts', async () => {
    const seen = await authorized({
      ...ALLOW,
      windows: [{ ...WINDOW, outage: true }],
      accounts: [{ ...ACCOUNT, outage: true }],
    });
    expect(seen).toMatchObject({
      headers: [],
      rateStatus: [{ outage: true, remaining: 0n }],
      budgetStatus: [{ outage: true, metrics: [], usedPerMille: 0, warning: false }],
    });
  });

  it('X6: an overrun of any size can be said', async () => {
    const overrun = { ...ZERO, costMicroUsd: 10n ** 15n };
    const seen = await authorized({
      ...ALLOW,
      accounts: [{ ...ACCOUNT, caps: { costMicroUsd: 1n }, committed: overrun, held: ZERO }],
    });
    expect(seen).toMatchObject({
      budgetStatus: [
        {
          usedPerMille: 2_147_483_647,
          degraded: true,
          metrics: [{ remaining: 1n - 10n ** 15n }],
        },
      ],
    });
  });

  it('every reason code has its constant in the contract', () => {
    const codes = Object.keys(REASONS) as ReasonCode[];
    const constants = codes.map((code) => writeReason({ code, message: '' }).reasonCode);
    expect(constants).not.toContain(ReasonCodeConstant.UNSPECIFIED);
    expect(new Set(constants).size).toBe(codes.length);
  });
});

describe('reservations and settlements on the wire', () => {
  it('Reserve answers the hold', async () => {
    decided = { kind: 'decided', decision: ALLOW, reservation: RESERVATION };
    const request = ReserveRequest.fromPartial({ requestId: 'r', call: CALL });
    const { reservation } = await ask(edge.client, edge.client.reserve, request);
    expect(reservation).toEqual({
      reservationId: 'res_1',
      state: ReservationState.OPEN,
      heldMicroUsd: 120_000n,
      heldInputTokens: 1_000n,
      heldOutputTokens: 500n,
      expiresAt: new Date(RESERVATION.expiresAtMs),
      accounts: ['org-month/organization:acme/2026-11-01'],
      committedMicroUsd: 0n,
      committedInputTokens: 0n,
      committedOutputTokens: 0n,
    });
  });

  it('X5 X6: Commit answers the settlement, its overrun and whether it was late', async () => {
    settlement = { ...settled, accounts: [ACCOUNT], overrunMicroUsd: 3n, late: true };
    const ids = { requestId: 'r', tenant: 'acme', reservationId: 'res_1' };
    const commit = CommitRequest.fromPartial({ ...ids, usage: {}, outcome: 1 });
    const seen = await ask(edge.client, edge.client.commit, commit);
    expect(seen).toMatchObject({
      reservation: { state: ReservationState.COMMITTED, committedMicroUsd: 120_000n },
      overrunMicroUsd: 3n,
      late: true,
      budgetStatus: [{ budgetId: 'org-month' }],
    });
    const release = ReleaseRequest.fromPartial(ids);
    const released = await ask(edge.client, edge.client.release, release);
    expect(released.budgetStatus).toEqual(seen.budgetStatus);
  });
});

const RECORD: StoredRecord = {
  requestId: 'req-1',
  operation: 'reserve',
  traceId: 'a'.repeat(32),
  facts: {
    tenant: 'acme',
    agent: 'copilot',
    agentVersion: 'v1',
    provider: 'azure_openai',
    user: 'alice',
    team: 'hr',
    roles: ['admin'],
    system: 'teams',
    environment: 'production',
    country: 'DE',
    dataClassification: ['pii'],
    attributes: { region: 'eu' },
    model: 'gpt-4',
    complexity: 'standard',
    estimated: AMOUNTS,
    parentTraceId: '',
    consent: '',
  },
  personCommitment: 'c0ffee',
  decision: { ...ALLOW, accounts: [ACCOUNT] },
  reservationId: 'res_1',
  settlement: {
    end: 'timeout',
    amounts: { ...AMOUNTS, costMicroUsd: 99n },
    settledAtMs: DECIDED_AT_MS + 5_000,
    durationMs: 4_000,
    errorMessage: 'slow',
  },
};

describe('queries on the wire', () => {
  it('R54: a record tells call, decision, settlement and the accounts before and after', async () => {
    answers = { decision: () => Promise.resolve(RECORD) };
    const request = GetDecisionRequest.fromPartial({ tenant: 'acme', decisionId: 'dec_1' });
    const { record } = await ask(edge.queries, edge.queries.getDecision, request);
    expect(record).toMatchObject({
      decisionId: 'dec_1',
      operation: 'reserve',
      effect: Effect.ALLOW,
      event: 'external_agent.policy_evaluated',
      provider: 'azure_openai',
      country: 'DE',
      dataClassification: ['pii'],
      attributes: { region: 'eu' },
      personCommitment: 'c0ffee',
      roles: ['admin'],
      traceId: 'a'.repeat(32),
      estimatedMicroUsd: 120_000n,
      outcome: Outcome.TIMEOUT,
      committedMicroUsd: 99n,
      durationMs: 4_000n,
      errorMessage: 'slow',
      budgetBefore: [{ metrics: [{ held: 30_000n }, { held: 0n }] }],
      budgetAfter: [{ metrics: [{ held: 150_000n }, { held: 1_500n }] }],
    });
  });

  it('R54: a denied or unsettled record claims no hold and no settlement', async () => {
    const decision = { ...DENY, accounts: [ACCOUNT] };
    const denied = { ...RECORD, decision, reservationId: '', settlement: undefined };
    answers = {
      decisions: () => Promise.resolve({ items: [denied], nextPageToken: 'next' }),
    };
    const request = ListDecisionsRequest.fromPartial({ tenant: 'acme' });
    const seen = await ask(edge.queries, edge.queries.listDecisions, request);
    expect(seen.nextPageToken).toBe('next');
    const [record] = seen.records;
    expect(record?.budgetBefore).toEqual(record?.budgetAfter);
    expect(record).toMatchObject({ outcome: Outcome.UNSPECIFIED, settledAt: undefined });
    expect(record?.committedMicroUsd).toBeUndefined();
  });

  it('R54: before a partial hold stands what its grant gave back', async () => {
    const grant = { ...ALLOW.grant!, maxCostMicroUsd: 50_000n, maxOutputTokens: 200n };
    const reasons = [{ code: 'budget.partial', message: 'Less was left.' } as const];
    const decision = { ...ALLOW, grant, reasons, accounts: [ACCOUNT] };
    answers = { decision: () => Promise.resolve({ ...RECORD, decision }) };
    const request = GetDecisionRequest.fromPartial({ tenant: 'acme', decisionId: 'dec_1' });
    const { record } = await ask(edge.queries, edge.queries.getDecision, request);
    expect(record?.budgetBefore).toMatchObject([{ metrics: [{ held: 100_000n }, { held: 300n }] }]);
  });

  it('R14 R31 R32 R49: live windows, accounts, reservations, violations and policies', async () => {
    const policy: Policy = {
      id: 'p1',
      name: 'Production',
      effect: 'allow',
      priority: 50,
      obligations: [],
      conditions: [
        {
          words: 'environment is production',
          fact: 'environment',
          evaluate: () => 'true',
          saw: () => '',
        },
      ],
    };
    answers = {
      rateStatus: () => Promise.resolve([WINDOW]),
      budgetStatus: () => Promise.resolve({ items: [ACCOUNT], nextPageToken: undefined }),
      reservation: () => Promise.resolve(RESERVATION),
      violations: () => Promise.resolve({ violations: [SUSTAINED, ENDED], nowMs: 410_000 }),
      policies: () => Promise.resolve({ combining: 'DENY_OVERRIDES', policies: [policy] }),
    };
    const { queries } = edge;
    const tenant = 'acme';
    const rate = GetRateStatusRequest.fromPartial({ call: CALL });
    expect(await ask(queries, queries.getRateStatus, rate)).toMatchObject({
      rateStatus: [{ limitId: 'user-rate' }],
    });
    const budget = GetBudgetStatusRequest.fromPartial({ tenant });
    expect(await ask(queries, queries.getBudgetStatus, budget)).toMatchObject({
      budgetStatus: [{ budgetId: 'org-month' }],
      nextPageToken: '',
    });
    const reservation = GetReservationRequest.fromPartial({ tenant, reservationId: 'res_1' });
    expect(await ask(queries, queries.getReservation, reservation)).toMatchObject({
      reservation: { reservationId: 'res_1' },
    });
    const violations = ListViolationsRequest.fromPartial({ tenant, sustainedOnly: true });
    expect(await ask(queries, queries.listViolations, violations)).toEqual({
      violations: [
        {
          limitId: 'user-rate',
          scope: 'user:alice',
          window: { seconds: 60n, nanos: 0 },
          count: 7n,
          firstAt: new Date(1_000),
          lastAt: new Date(400_000),
          sustained: true,
        },
      ],
    });
    const policies = ListPoliciesRequest.fromPartial({ tenant });
    expect(await ask(queries, queries.listPolicies, policies)).toEqual({
      combining: 'DENY_OVERRIDES',
      policies: [
        {
          policy: 'p1',
          name: 'Production',
          effect: Effect.ALLOW,
          priority: 50,
          conditions: ['environment is production'],
        },
      ],
    });
  });

  it('R74: the status names every component and what is wrong with it', async () => {
    answers = {
      status: () =>
        Promise.resolve({
          version: '0.1.0',
          configurationRevision: '7-0a1b2c3d',
          configurationLoadedAtMs: DECIDED_AT_MS,
          configurationError: 'line 3',
          components: [
            { name: 'ledger', adapter: 'postgres', healthy: false, problem: 'does not answer' },
          ],
          recordsWaiting: 12,
          startedAtMs: DECIDED_AT_MS,
        }),
    };
    expect(await ask(edge.queries, edge.queries.getStatus, {})).toEqual({
      version: '0.1.0',
      configurationRevision: '7-0a1b2c3d',
      configurationLoadedAt: new Date(DECIDED_AT_MS),
      configurationError: 'line 3',
      components: [
        { name: 'ledger', adapter: 'postgres', healthy: false, problem: 'does not answer' },
      ],
      recordsWaiting: 12n,
      startedAt: new Date(DECIDED_AT_MS),
    });
  });
});
