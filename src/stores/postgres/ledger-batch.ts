import type { Amounts } from '../../budgets/amounts.ts';
import type { ReleaseCommand } from '../../decision/call.ts';
import type { CommitRequest, ExtendRequest, HoldRequest } from '../../decision/ports.ts';
import { recordColumns, recordText } from './lineage-rows.ts';
import { jsonText, type Json } from './json-text.ts';
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

/** The arguments of tollgate.budget_apply. */
export interface EncodedBatch {
  readonly batch: string;
  readonly records: string;
}

/** Between the records of a batch: U+001E, which no JSON text holds. */
export const RECORD_SEPARATOR = '\u001e';

/**
 * Writes the arguments of tollgate.budget_apply. Accounts that several calls share are described
 * once; records travel beside the operations, because nothing looks inside.
 */
export function encodeBatch(ops: readonly LedgerOp[]): EncodedBatch {
  const specs = new SpecTable();
  const encoded = ops.map((op, index) => ({
    n: index + 1,
    kind: op.kind,
    tenant: op.request.tenant,
    request_id: op.request.requestId,
    fingerprint: op.request.fingerprint,
    ...opFields(op, specs),
  }));
  return {
    batch: jsonText({ specs: specs.toJson(), ops: encoded }),
    records: ops.map(recordOfOp).join(RECORD_SEPARATOR),
  };
}

function recordOfOp(op: LedgerOp): string {
  return op.kind === 'hold' || op.kind === 'extend' ? recordText(op.request.record) : '';
}

function opFields(op: LedgerOp, specs: SpecTable): Json {
  switch (op.kind) {
    case 'hold':
      return holdFields(op.request, specs);
    case 'recall':
      return {};
    case 'commit':
      return {
        reservation_id: op.request.reservationId,
        ...amountFields(op.request.actual),
        ending: op.request.outcome,
        // A duration is measured in fractions by some callers and kept in whole milliseconds.
        duration_ms: op.request.durationMs === undefined ? null : Math.round(op.request.durationMs),
        error_message: op.request.errorMessage,
      };
    case 'release':
      return { reservation_id: op.request.reservationId, error_message: op.request.reason };
    case 'extend':
      return {
        reservation_id: op.request.reservationId,
        ...amountFields(op.request.add),
        hold_for_ms: op.request.holdForMs,
        ...recordColumns(op.request.record),
      };
  }
}

function holdFields(request: HoldRequest, specs: SpecTable): Json {
  const { pricing } = request;
  return {
    ...recordColumns(request.record),
    reservation_id: request.reservationId,
    ...amountFields(request.amounts),
    specs: request.accounts.map((spec) => specs.numberOf(request.tenant, spec)),
    hold_for_ms: request.holdForMs,
    partial: request.acceptPartial,
    authorized_by: request.authorizedBy,
    platform: pricing.platform,
    model: pricing.model,
    complexity: pricing.complexity,
  };
}

function amountFields(amounts: Amounts): Json {
  return {
    cost: amounts.costMicroUsd.toString(),
    input: amounts.inputTokens.toString(),
    output: amounts.outputTokens.toString(),
    invocations: amounts.invocations.toString(),
  };
}

/** The accounts of a hold, none named twice: a call is charged to an account once. */
export function distinctAccounts(request: HoldRequest): void {
  const names = new Set(request.accounts.map(({ budgetId, owner }) => `${budgetId}/${owner}`));
  if (names.size < request.accounts.length) {
    const named = request.accounts.map(({ budgetId, owner }) => `${budgetId}/${owner}`);
    throw new Error(`request ${request.requestId} names an account twice: ${named.join(', ')}`);
  }
}
