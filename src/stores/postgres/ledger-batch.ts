import type { Amounts } from '../../budgets/amounts.ts';
import type { ReleaseCommand } from '../../decision/call.ts';
import type { CommitRequest, ExtendRequest, HoldRequest } from '../../decision/ports.ts';
import { recordEnd, reasonCodes, ROW_SEPARATOR } from '../../decision/record-row.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import { jsonText } from './json-text.ts';
import { arrayText, fieldText as text, rowsText } from './row-text.ts';
import { SpecTable } from './spec-table.ts';

/** One operation of the ledger, as it waits for its batch. */
export type LedgerOp =
  | { readonly kind: 'hold'; readonly request: HoldRequest }
  | { readonly kind: 'recall'; readonly request: Recall }
  | { readonly kind: 'commit'; readonly request: CommitRequest }
  | { readonly kind: 'release'; readonly request: ReleaseCommand }
  | { readonly kind: 'extend'; readonly request: ExtendRequest };

interface Recall {
  readonly tenant: string;
  readonly requestId: string;
  readonly fingerprint: string;
}

/**
 * Writes the first four arguments of tollgate.budget_apply. Accounts that several calls share are
 * described once; records travel beside the operations, because nothing looks inside.
 */
export function encodeBatch(ops: readonly LedgerOp[]): readonly [string, string, string, string] {
  const specs = new SpecTable();
  const rows = ops.map((op, index) => {
    const { tenant, requestId, fingerprint } = op.request;
    const head = `${index + 1},${op.kind},${text(tenant)},${text(requestId)},${text(fingerprint)}`;
    return `${head},${opFields(op, specs)}`;
  });
  const records = ops.map(recordOfOp).join(ROW_SEPARATOR);
  return [rowsText(rows), jsonText(specs.toJson()), specs.accountsText(), records];
}

/**
 * Whether tollgate.apply_plain may be tried: holds without a token and settlements alone, each of
 * another request and another reservation.
 */
export function isPlain(ops: readonly LedgerOp[]): boolean {
  const requests = new Set<string>();
  const reservations = new Set<string>();
  for (const { kind, request } of ops) {
    if (kind === 'recall' || kind === 'extend') return false;
    if (kind === 'hold' && request.authorizedBy !== '') return false;
    requests.add(request.requestId);
    reservations.add(request.reservationId);
  }
  return requests.size === ops.length && reservations.size === ops.length;
}

function recordOfOp(op: LedgerOp): string {
  return op.kind === 'hold' || op.kind === 'extend' ? recordEnd(op.request.record) : '';
}

const NO_AMOUNTS = '0,0,0,0';
/** From decision_id to has_person, without an account, a hold or a record. */
const NO_HOLD = ',,,false,\\"\\",,,';
const NO_RECORD = ',,,,,,,';
const NO_END = ',,,';

/** The fields of tollgate.op from reservation_id on. */
function opFields(op: LedgerOp, specs: SpecTable): string {
  switch (op.kind) {
    case 'hold':
      return holdFields(op.request, specs);
    case 'recall':
      return `,${NO_AMOUNTS},${NO_HOLD},${NO_RECORD},${NO_END}`;
    case 'commit':
    case 'release':
      return `${settlementFields(op)},`;
    case 'extend': {
      const { reservationId, add, holdForMs, record } = op.request;
      return (
        `${text(reservationId)},${amountFields(add)},${text(record.decision.decisionId)}` +
        `,,${holdForMs ?? ''},false,\\"\\",,,,${recordFields(record)},${NO_END}`
      );
    }
  }
}

function settlementFields(op: Extract<LedgerOp, { kind: 'commit' | 'release' }>): string {
  const id = text(op.request.reservationId);
  const between = `${NO_HOLD},${NO_RECORD}`;
  if (op.kind === 'release') return `${id},${NO_AMOUNTS},${between},,,${text(op.request.reason)}`;
  const { actual, outcome, durationMs, errorMessage } = op.request;
  // A duration is measured in fractions by some callers and kept in whole milliseconds.
  const took = durationMs === undefined ? '' : Math.round(durationMs);
  return `${id},${amountFields(actual)},${between},${outcome},${took},${text(errorMessage)}`;
}

function holdFields(request: HoldRequest, specs: SpecTable): string {
  const { pricing, record, tenant } = request;
  const accounts = request.accounts.map((spec) => specs.numberOf(tenant, spec));
  return (
    `${text(request.reservationId)},${amountFields(request.amounts)}` +
    `,${text(record.decision.decisionId)},${arrayText(accounts)},${request.holdForMs}` +
    `,${request.acceptPartial},${text(request.authorizedBy)},${text(pricing.platform)}` +
    `,${text(pricing.model)},${text(pricing.complexity)},${recordFields(record)},${NO_END}`
  );
}

function amountFields(amounts: Amounts): string {
  return (
    `${amounts.costMicroUsd},${amounts.inputTokens},${amounts.outputTokens}` +
    `,${amounts.invocations}`
  );
}

/** From operation to has_person. */
function recordFields(record: DecisionRecord): string {
  const { facts, decision } = record;
  return (
    `${record.operation},${Math.floor(decision.decidedAtMs)},${text(facts.agent)}` +
    `,${text(facts.team)},${text(facts.user)},${decision.effect}` +
    `,${arrayText(reasonCodes(record))},${record.person !== undefined}`
  );
}

/** The accounts of a hold, none named twice: a call is charged to an account once. */
export function distinctAccounts(request: HoldRequest): void {
  const names = new Set<string>();
  for (const { budgetId, owner } of request.accounts) names.add(`${budgetId}/${owner}`);
  if (names.size < request.accounts.length) {
    const named = request.accounts.map(({ budgetId, owner }) => `${budgetId}/${owner}`);
    throw new Error(`request ${request.requestId} names an account twice: ${named.join(', ')}`);
  }
}
