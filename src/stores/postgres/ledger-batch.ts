import type { AccountSpec } from '../../budgets/account.ts';
import type {
  CommitRequest,
  Conflict,
  ExtendRequest,
  HoldOutcome,
  HoldRequest,
  RecallOutcome,
  ReservationState,
  SettleOutcome,
} from '../../decision/ports.ts';
import type { ReleaseCommand } from '../../decision/call.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import {
  amountFields,
  holdOutcomeOf,
  recordJson,
  recordOf,
  reservationOf,
  accountOf,
  specJson,
  type DeniedJson,
  type FixedJson,
  type HeldJson,
  type RecordJson,
  type StandJson,
} from './codec.ts';
import { jsonText, type Json } from './json-text.ts';

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

/** What any of the operations can be answered by the database. */
export type LedgerAnswer =
  | Extract<HoldOutcome, { kind: 'held' | 'denied' }>
  | Extract<SettleOutcome, { kind: 'settled' | 'not_found' | 'wrong_state' }>
  | Extract<RecallOutcome, { kind: 'nothing' }>
  | Conflict;

/** One answer of tollgate.budget_apply. */
type AnswerJson =
  | ((HeldJson | DeniedJson | SettledJson) & {
      readonly fixed?: FixedJson;
      readonly record?: RecordJson;
      readonly replayed?: true;
    })
  | { readonly kind: 'same'; readonly as: number }
  | { readonly kind: 'wrong_state'; readonly state: ReservationState }
  | { readonly kind: 'conflict' | 'nothing' | 'not_found' };

interface SettledJson extends StandJson {
  readonly kind: 'settled';
  readonly overrun: string;
  readonly late: boolean;
  readonly accounts: readonly string[];
}

/**
 * Writes the argument of tollgate.budget_apply. Accounts that several calls share are described
 * once.
 */
export function encodeBatch(ops: readonly LedgerOp[]): string {
  const specs = new SpecTable();
  const encoded = ops.map((op) => ({
    kind: op.kind,
    ...commonFields(op.request),
    ...opFields(op, specs),
  }));
  return jsonText({ specs: specs.list, ops: encoded });
}

function commonFields(request: Recall): Json {
  return {
    tenant: request.tenant,
    request_id: request.requestId,
    fingerprint: request.fingerprint,
  };
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
        hold_for_ms: op.request.holdForMs ?? null,
        authorized_by: '',
        decision_id: op.request.record.decision.decisionId,
        record: recordJson(op.request.record),
      };
  }
}

function holdFields(request: HoldRequest, specs: SpecTable): Json {
  return {
    reservation_id: request.reservationId,
    ...amountFields(request.amounts),
    specs: request.accounts.map((spec) => specs.indexOf(request.tenant, spec)),
    hold_for_ms: request.holdForMs,
    partial: request.acceptPartial,
    authorized_by: request.authorizedBy,
    pricing: { ...request.pricing },
    decision_id: request.record.decision.decisionId,
    record: recordJson(request.record),
  };
}

/** Account specs by position, each distinct one once. */
export class SpecTable {
  readonly list: Json[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(tenant: string, spec: AccountSpec): number {
    const json = specJson(tenant, spec);
    const key = JSON.stringify(json);
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    this.#indexes.set(key, this.list.length);
    return this.list.push(json) - 1;
  }
}

/** Reads the answer of tollgate.budget_apply. */
export function decodeAnswers(ops: readonly LedgerOp[], text: string): readonly LedgerAnswer[] {
  const answers = JSON.parse(text) as readonly AnswerJson[];
  return ops.map((_, index) => answerAt(ops, answers, index));
}

function answerAt(
  ops: readonly LedgerOp[],
  answers: readonly AnswerJson[],
  index: number,
): LedgerAnswer {
  const [op, answer] = [ops[index], answers[index]];
  if (!op || !answer) throw new Error('the ledger answered fewer operations than it was given');
  switch (answer.kind) {
    case 'same': {
      const first = answerAt(ops, answers, answer.as);
      return 'replayed' in first ? { ...first, replayed: true } : first;
    }
    case 'held':
    case 'denied':
      return holdOutcomeOf(
        answer,
        answer.fixed,
        recordFor(op, answer.record),
        answer.replayed ?? false,
      );
    case 'settled':
      return settledOf(answer);
    case 'wrong_state':
      return { kind: 'wrong_state', state: answer.state };
    case 'conflict':
    case 'nothing':
    case 'not_found':
      return { kind: answer.kind };
  }
}

/** A replay brings the record of the first try; otherwise it is the one that was just sent. */
function recordFor(op: LedgerOp, stored: RecordJson | undefined): DecisionRecord {
  if (stored) return recordOf(stored);
  if (op.kind === 'hold' || op.kind === 'extend') return op.request.record;
  throw new Error(`a ${op.kind} was answered with a hold but without its record`);
}

function settledOf(answer: Extract<AnswerJson, { kind: 'settled' }>): LedgerAnswer {
  if (!answer.fixed) throw new Error('a settlement was answered without its reservation');
  return {
    kind: 'settled',
    replayed: answer.replayed ?? false,
    reservation: reservationOf(answer.fixed, answer),
    accounts: answer.accounts.map(accountOf),
    overrunMicroUsd: BigInt(answer.overrun),
    late: answer.late,
  };
}
