import type { AccountReading, AccountSpec } from '../../budgets/account.ts';
import { METRICS, type Amounts, type Caps } from '../../budgets/amounts.ts';
import type {
  HoldOutcome,
  HoldRequest,
  Reservation,
  ReservationPricing,
  ReservationState,
} from '../../decision/ports.ts';
import { recordFromWire, recordToWire, type WireRecord } from '../../decision/record-codec.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import type { Json } from './json-text.ts';

/**
 * Rows and JSON on one side, values of the domain on the other. Amounts travel as decimal text,
 * four of them as "cost,input,output,invocations"; an account travels as one line
 * (tollgate.account_line).
 */

/** What stands in JSON for a record: the record itself apart from the personal data. */
export interface RecordJson {
  readonly detail: Omit<WireRecord, 'personal'>;
  readonly personal?: DecisionRecord['personal'] | null;
}

/** Where a reservation stood, as stored with an outcome. */
export interface StandJson {
  readonly state: ReservationState;
  readonly held: string;
  readonly committed: string;
  readonly expiresAtMs: number;
}

/** What never changes about a reservation. */
export interface FixedJson {
  readonly reservationId: string;
  readonly decisionId: string;
  readonly accounts: readonly string[];
  readonly pricing: ReservationPricing;
}

export interface HeldJson extends StandJson {
  readonly kind: 'held';
  readonly accounts: readonly string[];
}

export interface DeniedJson {
  readonly kind: 'denied';
  readonly cause: 'short' | 'token_used';
  readonly asked: string;
  readonly accounts: readonly string[];
}

type HeldOrDenied = Extract<HoldOutcome, { kind: 'held' | 'denied' }>;

/** @param fixed undefined for a denial, which has no reservation. */
export function holdOutcomeOf(
  json: HeldJson | DeniedJson,
  fixed: FixedJson | undefined,
  record: DecisionRecord,
  replayed: boolean,
): HeldOrDenied {
  const accounts = json.accounts.map(accountOf);
  if (json.kind === 'denied') {
    return {
      kind: 'denied',
      replayed,
      cause: json.cause,
      record,
      amounts: amountsOf(json.asked),
      accounts,
    };
  }
  if (!fixed) throw new Error('a hold was answered without its reservation');
  return { kind: 'held', replayed, record, reservation: reservationOf(fixed, json), accounts };
}

export function reservationOf(fixed: FixedJson, stand: StandJson): Reservation {
  return {
    reservationId: fixed.reservationId,
    decisionId: fixed.decisionId,
    state: stand.state,
    held: amountsOf(stand.held),
    committed: amountsOf(stand.committed),
    expiresAtMs: stand.expiresAtMs,
    accounts: fixed.accounts,
    pricing: fixed.pricing,
  };
}

export function amountsOf(text: string): Amounts {
  const [cost = '', input = '', output = '', invocations = ''] = text.split(',');
  return {
    costMicroUsd: BigInt(cost),
    inputTokens: BigInt(input),
    outputTokens: BigInt(output),
    invocations: BigInt(invocations),
  };
}

/** The four amounts as fields of an op. */
export function amountFields(amounts: Amounts): Record<string, string> {
  return {
    cost: amounts.costMicroUsd.toString(),
    input: amounts.inputTokens.toString(),
    output: amounts.outputTokens.toString(),
    invocations: amounts.invocations.toString(),
  };
}

/** Reads a line of tollgate.account_line. Owners may hold any character, so the id comes last. */
export function accountOf(line: string): AccountReading {
  const fields = line.split('|', LINE_FIELDS);
  const account = line.slice(fields.join('|').length + 1);
  const field = (index: number): string => fields[index] ?? '';
  const [start, end] = [field(16), field(17)];
  return {
    account,
    budgetId: account.slice(0, account.indexOf('/')),
    owner: account.slice(account.indexOf('/') + 1, account.lastIndexOf('/')),
    ...(start !== '' && { periodStartMs: Number(start) }),
    ...(end !== '' && { periodEndMs: Number(end) }),
    caps: capsOf(fields.slice(3, 8)),
    soft: field(0) === '1',
    warnPerMille: Number(field(1)),
    degradePerMille: Number(field(2)),
    committed: amountsOf(fields.slice(8, 12).join(',')),
    held: amountsOf(fields.slice(12, 16).join(',')),
  };
}

/** Flags, caps, committed, held and period: everything before the id. */
const LINE_FIELDS = 18;

function capsOf(fields: readonly string[]): Caps {
  const capped = METRICS.flatMap((metric, index) => {
    const cap = fields[index] ?? '';
    return cap === '' ? [] : [[metric, BigInt(cap)] as const];
  });
  return Object.fromEntries(capped);
}

/**
 * An account spec as tollgate.specs_at reads it. A budget id with a slash would make account ids
 * ambiguous.
 */
export function specJson(tenant: string, spec: AccountSpec): Json {
  if (spec.budgetId.includes('/')) throw new Error(`budget id "${spec.budgetId}" has a slash`);
  const { caps } = spec;
  return {
    tenant,
    budget: spec.budgetId,
    owner: spec.owner,
    period: spec.period,
    zone: spec.timeZone,
    depth: spec.depth,
    soft: spec.soft,
    warn: spec.warnPerMille,
    degrade: spec.degradePerMille,
    cost: caps.costMicroUsd?.toString() ?? null,
    input: caps.inputTokens?.toString() ?? null,
    output: caps.outputTokens?.toString() ?? null,
    total: caps.totalTokens?.toString() ?? null,
    invocations: caps.invocations?.toString() ?? null,
  };
}

/**
 * A record as tollgate.budget_apply and append-lineage.sql read it: columns, detail, and the person
 * apart.
 */
export function recordJson(record: DecisionRecord): Json {
  const { personal, ...detail } = recordToWire(record);
  const known = Object.values(personal).some((text) => text !== '');
  return {
    operation: record.operation,
    request_id: record.requestId,
    tenant: record.facts.tenant,
    decision_id: record.decision.decisionId,
    decided_at_ms: Math.floor(record.decision.decidedAtMs),
    agent: record.facts.agent,
    team: record.facts.team,
    user_id: record.facts.user,
    effect: record.decision.effect,
    reason_codes: [...new Set(record.decision.reasons.map(({ code }) => code))],
    reservation_id: record.reservationId,
    detail,
    ...(known && { personal }),
  };
}

const NOBODY: DecisionRecord['personal'] = {
  externalUserId: '',
  email: '',
  name: '',
  session: '',
  sourceIp: '',
};

/** The record as it was given; after erasure nothing is known about the person. */
export function recordOf({ detail, personal }: RecordJson): DecisionRecord {
  return recordFromWire({ ...detail, personal: personal ?? NOBODY });
}

/** The accounts of a hold, none named twice: a call is charged to an account once. */
export function distinctAccounts(request: HoldRequest): void {
  const names = request.accounts.map(({ budgetId, owner }) => `${budgetId}/${owner}`);
  if (new Set(names).size < names.length) {
    throw new Error(`request ${request.requestId} names an account twice: ${names.join(', ')}`);
  }
}
