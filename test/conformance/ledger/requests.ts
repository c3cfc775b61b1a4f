import { randomUUID } from 'node:crypto';

import type { AccountReading, AccountSpec } from '../../../src/budgets/account.ts';
import type { Amounts } from '../../../src/budgets/amounts.ts';
import type { ReleaseCommand } from '../../../src/decision/call.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import type {
  BudgetLedger,
  CommitRequest,
  ExtendOutcome,
  ExtendRequest,
  HoldOutcome,
  HoldRequest,
  RecallOutcome,
  SettleOutcome,
} from '../../../src/decision/ports.ts';
import type { DecisionRecord } from '../../../src/decision/record.ts';
import { decisionIdOf, reservationIdOf } from '../../../src/lib/ids.ts';
import type { LedgerStores } from '../../../src/stores/postgres/ledger-stores.ts';
import type { FinishHold } from '../../../src/stores/postgres/postgres-lineage.ts';

/** 2026-11-18, a Wednesday, at noon in UTC. */
export const START_MS = Date.UTC(2026, 10, 18, 12);
export const MINUTE_MS = 60_000;

export function usd(dollars: number): bigint {
  return BigInt(Math.round(dollars * 1_000_000));
}

export function amountsOf(change: Partial<Amounts> = {}): Amounts {
  return { costMicroUsd: usd(1), inputTokens: 0n, outputTokens: 0n, invocations: 1n, ...change };
}

/** A hard budget of $10 for ever, unless said otherwise. */
export function accountOf(change: Partial<AccountSpec> = {}): AccountSpec {
  return {
    budgetId: 'org-total',
    owner: 'organization:acme',
    period: 'total',
    timeZone: 'UTC',
    caps: { costMicroUsd: usd(10) },
    rollover: {},
    soft: false,
    depth: 0,
    warnPerMille: 800,
    degradePerMille: 900,
    alertPerMille: [],
    ...change,
  };
}

export interface HoldChange extends Partial<Omit<HoldRequest, 'amounts' | 'record'>> {
  readonly amounts?: Partial<Amounts>;
  readonly decision?: Partial<Decision>;
}

/** A hold of $1 as the pipeline asks for it. */
export function holdOf(
  tenant: string,
  accounts: readonly AccountSpec[] = [accountOf()],
  { amounts, decision, ...change }: HoldChange = {},
): HoldRequest {
  const requestId = change.requestId ?? randomUUID();
  const decisionId = decisionIdOf(tenant, 'reserve', requestId);
  const asked = amountsOf(amounts);
  const fingerprint = change.fingerprint ?? 'body-1';
  return {
    tenant,
    requestId,
    fingerprint,
    reservationId: reservationIdOf(decisionId),
    amounts: asked,
    accounts,
    holdForMs: 5 * MINUTE_MS,
    acceptPartial: false,
    authorizedBy: '',
    pricing: { agent: 'copilot', platform: 'azure_openai', model: 'gpt-4', complexity: 'standard' },
    record: recordOf(
      tenant,
      { requestId, fingerprint, decision: { decisionId, ...decision } },
      asked,
    ),
    ...change,
  };
}

export function recordOf(
  tenant: string,
  change: Omit<Partial<DecisionRecord>, 'decision' | 'facts'> & {
    readonly decision?: Partial<Decision>;
    readonly facts?: Partial<DecisionRecord['facts']>;
  } = {},
  estimated: Amounts = amountsOf(),
): DecisionRecord {
  const requestId = change.requestId ?? randomUUID();
  return {
    requestId,
    fingerprint: 'body-1',
    operation: 'reserve',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    personCommitment: '',
    person: undefined,
    reservationId: '',
    ...change,
    facts: {
      tenant,
      agent: 'copilot',
      agentVersion: '1',
      provider: 'azure_openai',
      user: 'alice',
      team: 'hr',
      roles: ['analyst'],
      system: 'desk',
      environment: 'production',
      country: 'DE',
      dataClassification: ['pii'],
      attributes: {},
      model: 'gpt-4',
      complexity: 'standard',
      estimated,
      parentTraceId: '',
      consent: '',
      ...change.facts,
    },
    decision: {
      decisionId: decisionIdOf(tenant, 'reserve', requestId),
      effect: 'allow',
      reasons: [
        { code: 'policy.allowed', message: 'Policy p allows it.', ruleKind: 'policy', rule: 'p' },
      ],
      windows: [],
      accounts: [],
      grant: undefined,
      obligations: [],
      exemptions: [],
      degraded: false,
      price: undefined,
      explanation: undefined,
      configurationRevision: '1-0badcafe',
      decidedAtMs: START_MS,
      ...change.decision,
    },
  };
}

export function commitOf(
  hold: HoldRequest,
  actual: Partial<Amounts> = {},
  requestId: string = randomUUID(),
): CommitRequest {
  return {
    tenant: hold.tenant,
    requestId,
    fingerprint: 'commit-1',
    traceId: '',
    reservationId: hold.reservationId,
    actual: amountsOf(actual),
    outcome: 'success',
    durationMs: 1_250,
    errorMessage: '',
  };
}

export function releaseOf(hold: HoldRequest, requestId: string = randomUUID()): ReleaseCommand {
  return {
    tenant: hold.tenant,
    requestId,
    fingerprint: 'release-1',
    traceId: '',
    reservationId: hold.reservationId,
    reason: 'not sent',
  };
}

export function extendOf(
  hold: HoldRequest,
  add: Partial<Amounts>,
  change: {
    readonly requestId?: string;
    readonly holdForMs?: number;
    readonly fingerprint?: string;
  } = {},
): ExtendRequest {
  const requestId = change.requestId ?? randomUUID();
  const decisionId = decisionIdOf(hold.tenant, 'extend', requestId);
  const added = amountsOf({ costMicroUsd: 0n, invocations: 0n, ...add });
  const { reservationId } = hold;
  return {
    tenant: hold.tenant,
    requestId,
    fingerprint: change.fingerprint ?? 'extend-1',
    traceId: '',
    reservationId,
    add: added,
    holdForMs: change.holdForMs,
    record: recordOf(
      hold.tenant,
      { requestId, operation: 'extend', reservationId, decision: { decisionId } },
      added,
    ),
  };
}

type Kinded = HoldOutcome | SettleOutcome | ExtendOutcome | RecallOutcome;

/** Narrows an outcome to the kind that the test expects, and says what came instead. */
export function as<K extends Kinded['kind'], T extends Kinded>(
  kind: K,
  outcome: T,
): Extract<T, { kind: K }> {
  if (outcome.kind !== kind) {
    const problem = 'problem' in outcome ? `: ${outcome.problem}` : '';
    throw new Error(`expected ${kind}, got ${outcome.kind}${problem}`);
  }
  return outcome as Extract<T, { kind: K }>;
}

/** How often each kind of outcome came. */
export function tally(outcomes: readonly Kinded[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Cost held and committed of each account, in micro-USD. */
export function costsOf(
  accounts: readonly AccountReading[],
): { held: bigint; committed: bigint }[] {
  return accounts.map(({ held, committed }) => ({
    held: held.costMicroUsd,
    committed: committed.costMicroUsd,
  }));
}

export async function readCosts(
  ledger: BudgetLedger,
  tenant: string,
  accounts: readonly AccountSpec[] = [accountOf()],
): Promise<{ held: bigint; committed: bigint }[]> {
  const readings = await ledger.read(tenant, accounts);
  if ('kind' in readings) throw new Error(readings.kind);
  return costsOf(readings);
}

/** Stands for the pipeline's: a pure function of draft and outcome. */
export const finishHold: FinishHold = (draft, outcome) => ({
  ...draft,
  effect: outcome.kind === 'held' ? draft.effect : 'deny',
  reasons:
    outcome.kind === 'held'
      ? draft.reasons
      : [
          ...draft.reasons,
          { code: 'budget.exceeded', message: `${outcome.cause} ${outcome.amounts.costMicroUsd}` },
        ],
  accounts: outcome.accounts.map((account) => ({ ...account, outage: false })),
});

/** The books agree, or the test says where they do not. */
export async function expectVerified(stores: LedgerStores, tenant?: string): Promise<void> {
  const report = await stores.verify(tenant === undefined ? {} : { tenant });
  if (report.kind !== 'ok') throw new Error(`the books do not agree: ${JSON.stringify(report)}`);
}
