/** Which part of the configuration a reason speaks of. */
export type RuleKind = 'policy' | 'limit' | 'budget' | 'agent';

/** Where in the flow a reason is found. Reasons are listed in this order. */
export const STAGES = ['request', 'policy', 'limit', 'budget', 'record'] as const;
export type Stage = (typeof STAGES)[number];

export interface ReasonPage {
  readonly stage: Stage;
  /** Whether the code stands on a denial or only ever warns. */
  readonly kind: 'denial' | 'advice';
  /** What happened, in one sentence. */
  readonly meaning: string;
  /** What the caller's program should do. */
  readonly caller: string;
  /** What an operator should look at. */
  readonly operator: string;
}

/**
 * Every reason code that Tollgate gives. The only place where codes are written down: docs/reasons
 * is generated from it, and a test holds code, docs and decisions equal.
 */
export const REASONS = {
  'agent.unknown': {
    stage: 'request',
    kind: 'denial',
    meaning: 'The agent is not registered for this tenant.',
    caller: 'Do not retry; check the agent id.',
    operator: 'Register the agent under `agents`, or correct the id that the caller sends.',
  },
  'agent.disabled': {
    stage: 'request',
    kind: 'denial',
    meaning: 'The agent is registered but switched off.',
    caller: 'Do not retry until the agent is switched on again.',
    operator: 'Set `enabled: true` on the agent if it should be called.',
  },
  'token.invalid': {
    stage: 'request',
    kind: 'denial',
    meaning:
      'The authorization token is not one of ours, has expired, or belongs to a different call.',
    caller: 'Authorize again, or Reserve without a token.',
    operator:
      'Sidecars that share callers need the same TOLLGATE_TOKEN_KEY; without it each process has its own.',
  },
  'token.used': {
    stage: 'budget',
    kind: 'denial',
    meaning: 'The authorization token has already been used for another reservation.',
    caller: 'Authorize again: a token pays for one reservation.',
    operator: 'Look for a caller that caches tokens.',
  },
  'policy.allowed': {
    stage: 'policy',
    kind: 'advice',
    meaning: 'This policy allowed the call.',
    caller: 'Nothing.',
    operator: 'Nothing.',
  },
  'policy.denied': {
    stage: 'policy',
    kind: 'denial',
    meaning: 'A deny policy applies to the call.',
    caller: 'Do not retry the same call.',
    operator: 'Ask for the explanation (`tollgate check --explain`) to see which conditions held.',
  },
  'policy.no_match': {
    stage: 'policy',
    kind: 'denial',
    meaning: 'No policy allows the call; what nobody allows is denied.',
    caller: 'Do not retry the same call.',
    operator:
      'Add an allow policy whose conditions the call meets, or correct what the caller sends.',
  },
  'policy.unevaluable': {
    stage: 'policy',
    kind: 'denial',
    meaning:
      'A deny policy could not be evaluated, because a fact it asks for is missing, so it denies.',
    caller: 'Send the missing attribute.',
    operator:
      'The message names the attribute. Make callers send it, or write the policy so that it does not need it.',
  },
  'policy.shadow': {
    stage: 'policy',
    kind: 'advice',
    meaning: 'A policy in shadow mode would turn the answer round if it were enforced.',
    caller: 'Nothing.',
    operator:
      'Look at tollgate_advice_total and the decisions with this code before the policy is enforced.',
  },
  'limit.shadow': {
    stage: 'limit',
    kind: 'advice',
    meaning: 'A rate limit in shadow mode had no room for the call; it would have denied it.',
    caller: 'Nothing.',
    operator:
      'Look at tollgate_advice_total and the decisions with this code before the limit is enforced.',
  },
  'limit.exceeded': {
    stage: 'limit',
    kind: 'denial',
    meaning: 'A rate window has no room for the call.',
    caller: 'Retry after `retry_after`, with a new request id.',
    operator:
      'Look for a loop in the caller first; then raise the limit or move the caller to another tier.',
  },
  'limit.unavailable': {
    stage: 'limit',
    kind: 'denial',
    meaning: 'The rate limit could not be checked, and its outage policy is deny.',
    caller: 'Retry with backoff.',
    operator:
      'Look at Redis. A limit may say `on_outage: allow` if availability matters more than its count.',
  },
  'limit.outage_allowed': {
    stage: 'limit',
    kind: 'advice',
    meaning:
      'The rate limit could not be checked, and its outage policy let the call pass uncounted.',
    caller: 'Nothing.',
    operator: 'Look at Redis; these passes are counted in tollgate_limit_outage_allowed_total.',
  },
  'limit.outage_local': {
    stage: 'limit',
    kind: 'advice',
    meaning:
      'The rate limit could not be checked, and this process counted its share of it by itself.',
    caller: 'Nothing.',
    operator:
      'Look at Redis; these passes are counted in tollgate_limit_outage_local_total, and together the sidecars admit at most their shares of the limit.',
  },
  'limit.exempted': {
    stage: 'limit',
    kind: 'advice',
    meaning: 'An exemption lifted a rate limit for this call.',
    caller: 'Nothing.',
    operator: 'Nothing; the use is counted and recorded.',
  },
  'budget.exceeded': {
    stage: 'budget',
    kind: 'denial',
    meaning: 'A hard budget has less left than the call asks for.',
    caller: 'Retry after `retry_after` when it is given (the next period), or ask for less.',
    operator: 'Raise the cap, wait for the next period, or look for holds that were never settled.',
  },
  'budget.overrun': {
    stage: 'budget',
    kind: 'advice',
    meaning: 'A soft budget has less left than the call asks for; the call may go on.',
    caller: 'Use less.',
    operator: 'Decide whether the budget should be hard.',
  },
  'budget.warning': {
    stage: 'budget',
    kind: 'advice',
    meaning: 'An account is past its warning threshold.',
    caller: 'Nothing.',
    operator: 'Tell the owner of the budget.',
  },
  'budget.degraded': {
    stage: 'budget',
    kind: 'advice',
    meaning: 'An account is past its degradation threshold.',
    caller: 'Use less: a smaller model, fewer tokens, fewer calls.',
    operator: 'Tell the owner of the budget before it is exhausted.',
  },
  'budget.partial': {
    stage: 'budget',
    kind: 'advice',
    meaning: 'Less than the estimate was left, and that much was held, as the caller accepts.',
    caller: 'Stay within the grant.',
    operator: 'Nothing.',
  },
  'ledger.unavailable': {
    stage: 'budget',
    kind: 'denial',
    meaning: 'A hard budget could not be checked because the ledger does not answer.',
    caller: 'Retry with backoff and the same request id: if the hold was taken, it is returned.',
    operator: 'Look at Postgres: connection, disk, locks.',
  },
  'ledger.outage_allowed': {
    stage: 'budget',
    kind: 'advice',
    meaning:
      'Only soft budgets match and the ledger does not answer, so the call passed without being charged.',
    caller: 'Nothing.',
    operator: 'Look at Postgres; the spend of these calls is missing from the ledger.',
  },
  'record.unavailable': {
    stage: 'record',
    kind: 'denial',
    meaning: 'The decision could not be recorded, and what is not recorded is not allowed.',
    caller: 'Retry with backoff.',
    operator:
      'Look at the disk that holds TOLLGATE_DATA_DIR: full, read-only, or over its bound while Postgres is away.',
  },
} as const satisfies Record<string, ReasonPage>;

export type ReasonCode = keyof typeof REASONS;

/** One reason of a decision. */
export interface Reason {
  readonly code: ReasonCode;
  /** One sentence for people, with the figures. No personal data. */
  readonly message: string;
  readonly ruleKind?: RuleKind;
  /** Id of the policy, limit, budget or agent that spoke. */
  readonly rule?: string;
  readonly scope?: string;
  readonly windowMs?: number;
  readonly account?: string;
  readonly unit?: string;
  readonly limit?: bigint;
  /** Before this request; negative after an overrun. */
  readonly remaining?: bigint;
  readonly requested?: bigint;
  /** Earliest wait after which a retry can succeed; absent when time alone does not help. */
  readonly retryAfterMs?: number;
}

/** True when the reason did not decide. */
export function isAdvice(reason: Reason): boolean {
  return REASONS[reason.code].kind === 'advice';
}
