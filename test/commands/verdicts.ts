import type { Complexity } from '../../src/gen/tollgate/v1/call.ts';
import type {
  AuthorizeResponse,
  ReserveResponse,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import { Effect, RuleKind, Truth } from '../../src/gen/tollgate/v1/verdict.ts';
import { decision, reservation } from '../support/decisions.ts';

const minute = { seconds: 60n };
const expiresAt = new Date('2026-11-21T10:05:00Z');

/** An allow with a hold, everything filled in. */
export const allow: ReserveResponse = {
  decision: decision({
    decisionId: 'dec_allow',
    effect: Effect.ALLOW,
    degraded: true,
    reasons: [
      {
        code: 'policy.allowed',
        message: 'Policy "weekdays" allows the call.',
        ruleKind: RuleKind.POLICY,
        rule: 'weekdays',
        advisory: true,
      },
      {
        code: 'budget.degraded',
        message: 'The account is 92 % used.',
        ruleKind: RuleKind.BUDGET,
        rule: 'org-month',
        scope: 'organization:acme',
        account: 'org-month/organization:acme/2026-11-01',
        unit: 'micro_usd',
        limit: 100_000_000n,
        remaining: 8_000_000n,
        advisory: true,
      },
    ],
    rateStatus: [
      {
        limitId: 'per-user',
        scope: 'user:alice',
        window: minute,
        limit: 10n,
        remaining: 9n,
        resetAfter: minute,
        unit: 'requests',
      },
      {
        limitId: 'org',
        scope: 'organization:acme',
        window: { seconds: 86_400n },
        limit: 50_000n,
        outage: true,
      },
    ],
    budgetStatus: [
      {
        budgetId: 'org-month',
        account: 'org-month/organization:acme/2026-11-01',
        scope: 'organization:acme',
        metrics: [
          {
            unit: 'micro_usd',
            cap: 100_000_000n,
            committed: 92_000_000n,
            held: 91_200n,
            remaining: 7_908_800n,
          },
          {
            unit: 'input_tokens',
            cap: 5_000_000n,
            committed: 1_200n,
            held: 1_200n,
            remaining: 4_997_600n,
          },
        ],
        usedPerMille: 920,
        warning: true,
        degraded: true,
      },
      { budgetId: 'team-day', account: 'team-day/team:hr/2026-11-21', outage: true, soft: true },
    ],
    grant: { maxCostMicroUsd: 91_200n, maxOutputTokens: 500n, expiresAt },
    obligations: [{ name: 'use_less', source: 'org-month', parameters: { model: 'small' } }],
    exemptions: ['on-call'],
    price: {
      baseMicroUsd: 76_000n,
      bufferMicroUsd: 15_200n,
      totalMicroUsd: 91_200n,
      tableVersion: '2025-12',
    },
    explanation: {
      combining: 'DENY_OVERRIDES',
      policies: [
        {
          policy: 'no-pii',
          effect: Effect.DENY,
          applies: Truth.FALSE,
          conditions: [{ condition: 'data classification has pii', truth: Truth.FALSE }],
        },
        {
          policy: 'weekdays',
          effect: Effect.ALLOW,
          applies: Truth.TRUE,
          decided: true,
          conditions: [
            { condition: 'environment is production', saw: 'production', truth: Truth.TRUE },
            { condition: 'country is DE or FR', truth: Truth.UNKNOWN },
          ],
        },
      ],
      limits: [
        { rule: 'per-user', scope: 'user:alice', status: 'applies' },
        { rule: 'per-org', scope: 'organization:acme', status: 'replaced by org' },
      ],
      budgets: [{ rule: 'org-month', scope: 'organization:acme', status: 'applies' }],
    },
  }),
  reservation: reservation({
    reservationId: 'res_allow',
    heldMicroUsd: 91_200n,
    heldInputTokens: 1_200n,
    expiresAt,
  }),
};

/** A denial by a window and an account at once. */
export const deny: AuthorizeResponse = {
  decision: decision({
    decisionId: 'dec_deny',
    effect: Effect.DENY,
    reasons: [
      {
        code: 'limit.exceeded',
        message: '10 requests in a minute are used up.',
        ruleKind: RuleKind.LIMIT,
        rule: 'per-user',
        scope: 'user:alice',
        window: minute,
        unit: 'requests',
        limit: 10n,
        remaining: 0n,
        requested: 1n,
        retryAfter: { seconds: 11n, nanos: 200_000_000 },
      },
      {
        code: 'budget.exceeded',
        message: 'The budget has less left than the call asks for.',
        ruleKind: RuleKind.BUDGET,
        rule: 'org-month',
        scope: 'organization:acme',
        account: 'org-month/organization:acme/2026-11-01',
        unit: 'micro_usd',
        limit: 100_000_000n,
        remaining: -12_500n,
        requested: 300_000n,
        retryAfter: { seconds: 822_900n },
      },
    ],
    rateStatus: [
      {
        limitId: 'per-user',
        scope: 'user:alice',
        window: minute,
        limit: 10n,
        remaining: 0n,
        resetAfter: { seconds: 11n, nanos: 200_000_000 },
        unit: 'requests',
      },
    ],
  }),
};

/** A whole Reserve in proto JSON. */
export const requestJson = {
  request_id: 'r-1',
  call: {
    tenant: 'acme',
    agent: 'copilot',
    principal: { user: 'alice', team: 'hr', roles: ['admin'] },
    attributes: { anything: { goes: [1, 'two'] } },
    estimate: {
      cost_micro_usd: '300000',
      inputTokens: '1200',
      complexity: 'COMPLEXITY_COMPLEX' satisfies `COMPLEXITY_${keyof typeof Complexity}`,
    },
  },
  hold_for: '90.5s',
};
