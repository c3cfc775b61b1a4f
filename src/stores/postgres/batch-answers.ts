import type { AccountReading } from '../../budgets/account.ts';
import { plus, type Amounts } from '../../budgets/amounts.ts';
import type {
  Conflict,
  HoldOutcome,
  RecallOutcome,
  Reservation,
  ReservationPricing,
  ReservationState,
  SettleOutcome,
} from '../../decision/ports.ts';
import { decodeRecord } from '../../decision/record-codec.ts';
import type { DecisionRecord } from '../../decision/record.ts';
import { amountsOf, foundAccount, readingOf, type FoundAccount } from './account-line.ts';
import type { LedgerOp } from './ledger-batch.ts';

/** What any of the operations can be answered by the database. */
export type LedgerAnswer =
  | Extract<HoldOutcome, { kind: 'held' | 'denied' }>
  | Extract<SettleOutcome, { kind: 'settled' | 'not_found' | 'wrong_state' }>
  | Extract<RecallOutcome, { kind: 'nothing' }>
  | Conflict;

/** What never changes about a reservation (tollgate.reservation_fixed). */
export interface FixedJson extends ReservationPricing {
  readonly reservationId: string;
  readonly decisionId: string;
  readonly callId: string;
}

/** An account as an older request found it: its line before the batch, and what was added since. */
export interface FoundJson {
  readonly line: string;
  readonly added: string;
}

/** An entry again, with all that its answer is made of. */
export interface ReplayJson {
  readonly verdict: 'held' | 'short' | 'token_used' | 'settled' | 'late';
  readonly delta: string;
  readonly asked: string | null;
  readonly stand: string | null;
  readonly found: readonly FoundJson[];
  readonly fixed: FixedJson | null;
}

interface AppliedJson {
  readonly delta: string;
  readonly stand: string;
  readonly accounts: readonly string[];
  readonly fixed: FixedJson | null;
}

/** One answer of tollgate.budget_apply. */
type AnswerJson =
  | ({ readonly kind: 'held' | 'settled' | 'late' } & AppliedJson)
  | { readonly kind: 'short' | 'token_used'; readonly accounts: readonly string[] }
  | (ReplayJson & {
      readonly kind: 'replay';
      readonly record: string | null;
    })
  | { readonly kind: 'same'; readonly as: number }
  | { readonly kind: 'wrong_state'; readonly state: ReservationState }
  | { readonly kind: 'conflict' | 'nothing' | 'not_found' };

/**
 * Reads the answer of tollgate.budget_apply. Every operation tells its accounts as they stand after
 * itself: the lines before the batch, with what was added up to it. Settlements were applied first.
 */
export function decodeAnswers(ops: readonly LedgerOp[], text: string): readonly LedgerAnswer[] {
  const json = JSON.parse(text) as {
    readonly accounts: readonly string[];
    readonly ops: readonly AnswerJson[];
  };
  const accounts = new Map(json.accounts.map(foundAccount).map((one) => [one.accountKey, one]));
  const answers: LedgerAnswer[] = [];
  for (const settling of [true, false]) {
    json.ops.forEach((answer, index) => {
      const op = ops[index];
      if (!op || isSettlement(answer) !== settling) return;
      answers[index] = answerTo(op, answer, accounts, answers);
    });
  }
  if (answers.length < ops.length) {
    throw new Error('the ledger answered fewer operations than it was given');
  }
  return answers;
}

function isSettlement({ kind }: AnswerJson): boolean {
  return kind === 'settled' || kind === 'late';
}

function answerTo(
  op: LedgerOp,
  answer: AnswerJson,
  accounts: ReadonlyMap<string, FoundAccount>,
  before: readonly LedgerAnswer[],
): LedgerAnswer {
  switch (answer.kind) {
    case 'held':
    case 'settled':
    case 'late':
      return applied(op, answer, moved(accounts, answer));
    case 'short':
    case 'token_used':
      return deniedOf(answer.kind, asked(op), recordGiven(op), readings(accounts, answer), false);
    case 'replay':
      return answerAgain(answer, storedRecord(answer));
    case 'same': {
      const first = before[answer.as];
      if (!first) throw new Error('the ledger answered a repeat before its first try');
      return 'replayed' in first ? { ...first, replayed: true } : first;
    }
    case 'wrong_state':
      return { kind: 'wrong_state', state: answer.state };
    case 'conflict':
    case 'nothing':
    case 'not_found':
      return { kind: answer.kind };
  }
}

function applied(
  op: LedgerOp,
  answer: Extract<AnswerJson, { kind: 'held' | 'settled' | 'late' }>,
  found: readonly FoundAccount[],
): LedgerAnswer {
  const fixed = answer.fixed ?? fixedOf(op);
  const reservation = reservationOf(
    fixed,
    answer.stand,
    found.map(({ account }) => account),
  );
  const accounts = found.map(readingOf);
  if (answer.kind === 'held') {
    return { kind: 'held', replayed: false, record: recordGiven(op), reservation, accounts };
  }
  return settledOf(answer.kind, answer.delta, reservation, accounts, false);
}

function storedRecord({ record }: Extract<AnswerJson, { kind: 'replay' }>) {
  return (): DecisionRecord => {
    if (record === null) throw new Error('a repeated hold has lost its record');
    return decodeRecord(record);
  };
}

/**
 * The answer that a stored entry was given at first.
 * @param record the record it was given; asked for a hold or an extension only.
 */
export function answerAgain(json: ReplayJson, record: () => DecisionRecord): LedgerAnswer {
  const found = json.found.map(({ line, added }) => add(foundAccount(line), added));
  const accounts = found.map(readingOf);
  if (json.verdict === 'short' || json.verdict === 'token_used') {
    return deniedOf(json.verdict, amountsOf(json.asked ?? ''), record(), accounts, true);
  }
  if (!json.fixed || json.stand === null) throw new Error('an entry has lost its reservation');
  const reservation = reservationOf(
    json.fixed,
    json.stand,
    found.map(({ account }) => account),
  );
  if (json.verdict === 'held') {
    return { kind: 'held', replayed: true, record: record(), reservation, accounts };
  }
  return settledOf(json.verdict, json.delta, reservation, accounts, true);
}

function deniedOf(
  cause: 'short' | 'token_used',
  amounts: Amounts,
  record: DecisionRecord,
  accounts: readonly AccountReading[],
  replayed: boolean,
): LedgerAnswer {
  return { kind: 'denied', replayed, cause, record, amounts, accounts };
}

function settledOf(
  kind: 'settled' | 'late',
  delta: string,
  reservation: Reservation,
  accounts: readonly AccountReading[],
  replayed: boolean,
): LedgerAnswer {
  const { held, committed } = movementOf(delta);
  const over = held.costMicroUsd + committed.costMicroUsd;
  const overrunMicroUsd = reservation.state === 'committed' && over > 0n ? over : 0n;
  return {
    kind: 'settled',
    replayed,
    reservation,
    accounts,
    overrunMicroUsd,
    late: kind === 'late',
  };
}

/** @param stand as tollgate.stand_text writes it. */
export function reservationOf(
  { reservationId, decisionId, callId, ...pricing }: FixedJson,
  stand: string,
  accounts: readonly string[],
): Reservation {
  const [state = '', expiresAtMs = '', held = '', committed = ''] = stand.split('|');
  return {
    reservationId,
    decisionId,
    callId,
    state: state as ReservationState,
    held: amountsOf(held),
    committed: amountsOf(committed),
    expiresAtMs: Number(expiresAtMs),
    accounts,
    pricing,
  };
}

/** Adds a movement to the accounts of an operation, and answers them in its order. */
function moved(
  accounts: ReadonlyMap<string, FoundAccount>,
  { delta, accounts: keys }: AppliedJson,
): readonly FoundAccount[] {
  return keys.map((key) => add(accountAt(accounts, key), delta));
}

function readings(
  accounts: ReadonlyMap<string, FoundAccount>,
  answer: { readonly accounts: readonly string[] },
): readonly AccountReading[] {
  return answer.accounts.map((key) => readingOf(accountAt(accounts, key)));
}

function accountAt(accounts: ReadonlyMap<string, FoundAccount>, key: string): FoundAccount {
  const account = accounts.get(key);
  if (!account) throw new Error(`the ledger did not tell account ${key}`);
  return account;
}

function add(account: FoundAccount, delta: string): FoundAccount {
  const { held, committed } = movementOf(delta);
  account.held = plus(account.held, held);
  account.committed = plus(account.committed, committed);
  return account;
}

/** @param delta as tollgate.delta_text writes it. */
function movementOf(delta: string): { held: Amounts; committed: Amounts } {
  const bar = delta.indexOf('|');
  return { held: amountsOf(delta.slice(0, bar)), committed: amountsOf(delta.slice(bar + 1)) };
}

function fixedOf(op: LedgerOp): FixedJson {
  if (op.kind !== 'hold') throw new Error(`a ${op.kind} was answered without its reservation`);
  const { reservationId, record, authorizedBy, pricing } = op.request;
  const { decisionId } = record.decision;
  return { reservationId, decisionId, callId: authorizedBy || decisionId, ...pricing };
}

function recordGiven(op: LedgerOp): DecisionRecord {
  if (op.kind === 'hold' || op.kind === 'extend') return op.request.record;
  throw new Error(`a ${op.kind} was answered with a hold but without its record`);
}

function asked(op: LedgerOp): Amounts {
  if (op.kind === 'hold') return op.request.amounts;
  if (op.kind === 'extend') return op.request.add;
  throw new Error(`a ${op.kind} was denied, which only a hold can be`);
}
