import type { Amounts } from '../../budgets/amounts.ts';
import type { LedgerAccount } from './ledger-account.ts';

/** What is left in the hard accounts of a call; undefined where no account bounds it. */
interface Room {
  cost: bigint | undefined;
  input: bigint | undefined;
  output: bigint | undefined;
  total: bigint | undefined;
  invocations: bigint | undefined;
  /** A cap of 0 denies every call. */
  shut: boolean;
}

/**
 * What a hold is given; undefined when it does not fit. With `acceptPartial` what is left of money
 * and output tokens, as long as that is at least one of each that was asked for; input and call
 * must fit whole. tollgate.admit_in_order is the same rule in SQL.
 */
export function admitHold(
  asked: Amounts,
  accounts: readonly LedgerAccount[],
  acceptPartial: boolean,
): Amounts | undefined {
  const room = roomOf(accounts);
  if (room.shut) return undefined;
  const cost = least(asked.costMicroUsd, room.cost);
  const afterInput = room.total === undefined ? undefined : room.total - asked.inputTokens;
  const output = least(least(asked.outputTokens, room.output), afterInput);
  if (isAbove(asked.inputTokens, room.input) || isAbove(asked.invocations, room.invocations)) {
    return undefined;
  }
  const whole = cost === asked.costMicroUsd && output === asked.outputTokens;
  if (whole) return asked;
  if (!acceptPartial) return undefined;
  if (cost < least(asked.costMicroUsd, 1n) || output < least(asked.outputTokens, 1n)) {
    return undefined;
  }
  return { ...asked, costMicroUsd: cost, outputTokens: output };
}

/** Whether an extension fits. It is judged only in what it adds to. */
export function admitsExtension(added: Amounts, accounts: readonly LedgerAccount[]): boolean {
  const room = roomOf(accounts);
  const tokens = added.inputTokens + added.outputTokens;
  const exceeds = (amount: bigint, left: bigint | undefined): boolean =>
    amount > 0n && isAbove(amount, left);
  return !(
    exceeds(added.costMicroUsd, room.cost) ||
    exceeds(added.inputTokens, room.input) ||
    exceeds(added.outputTokens, room.output) ||
    exceeds(tokens, room.total) ||
    exceeds(added.invocations, room.invocations)
  );
}

function roomOf(accounts: readonly LedgerAccount[]): Room {
  const room: Room = {
    cost: undefined,
    input: undefined,
    output: undefined,
    total: undefined,
    invocations: undefined,
    shut: false,
  };
  for (const account of accounts) if (!account.spec.soft) narrow(room, account);
  return room;
}

function narrow(room: Room, account: LedgerAccount): void {
  const { held, committed, spec } = account;
  const caps = account.capsUnder(spec);
  const input = held.inputTokens + committed.inputTokens;
  const output = held.outputTokens + committed.outputTokens;
  for (const cap of Object.values(spec.caps)) room.shut ||= cap === 0n;
  room.cost = left(room.cost, caps.costMicroUsd, held.costMicroUsd + committed.costMicroUsd);
  room.input = left(room.input, caps.inputTokens, input);
  room.output = left(room.output, caps.outputTokens, output);
  room.total = left(room.total, caps.totalTokens, input + output);
  const calls = held.invocations + committed.invocations;
  room.invocations = left(room.invocations, caps.invocations, calls);
}

function left(
  before: bigint | undefined,
  cap: bigint | undefined,
  used: bigint,
): bigint | undefined {
  return cap === undefined ? before : least(cap - used, before);
}

function least(amount: bigint, other: bigint | undefined): bigint {
  return other !== undefined && other < amount ? other : amount;
}

function isAbove(amount: bigint, most: bigint | undefined): boolean {
  return most !== undefined && amount > most;
}
