import type { Amounts } from '../budgets/amounts.ts';
import { costOf } from '../pricing/price-table.ts';
import { accountStatuses } from './account-reasons.ts';
import type { Settled, SettlementRefusal } from './answers.ts';
import type { Remembered } from './answer-memory.ts';
import { COMPLEXITIES, type CommitCommand, type Complexity, type ReleaseCommand } from './call.ts';
import type { PipelineParts } from './parts.ts';
import type { ReservationPricing, SettleOutcome } from './ports.ts';

type SettlementAnswer = Remembered<Settled | SettlementRefusal>;

/** Charges what a call really used: at, below or above its hold, in time or after it expired. */
export async function commit(
  parts: PipelineParts,
  command: CommitCommand,
): Promise<SettlementAnswer> {
  const priced = await price(parts, command);
  if ('kind' in priced) return { answer: refusalOf(priced), keep: 'nothing' };
  const { usage, ...rest } = command;
  const { inputTokens, outputTokens } = usage;
  const actual: Amounts = { ...priced, inputTokens, outputTokens, invocations: 1n };
  const outcome = await parts.observer.stage('settle', () =>
    parts.ledger.commit({ ...rest, actual }),
  );
  return settled(parts, 'commit', outcome);
}

/** Gives back the hold of a call that was never dispatched. */
export async function release(
  parts: PipelineParts,
  command: ReleaseCommand,
): Promise<SettlementAnswer> {
  const outcome = await parts.observer.stage('settle', () => parts.ledger.release(command));
  return settled(parts, 'release', outcome);
}

/**
 * The cost that the caller reports, or the price of the tokens for what the reservation was made
 * for; no buffer.
 */
async function price(
  { config, ledger }: PipelineParts,
  { tenant, reservationId, usage }: CommitCommand,
) {
  if (usage.costMicroUsd !== undefined) return { costMicroUsd: usage.costMicroUsd };
  const reservation = await ledger.reservation(tenant, reservationId);
  if ('kind' in reservation) return reservation;
  const { platform, model, complexity } = reservation.pricing;
  const { inputTokens, outputTokens } = usage;
  const costMicroUsd = costOf(config.current().prices, {
    platform,
    model: usage.model || model,
    complexity: complexityOf(complexity),
    inputTokens,
    outputTokens,
  });
  return { costMicroUsd };
}

function complexityOf(text: ReservationPricing['complexity']): Complexity {
  return COMPLEXITIES.find((one) => one === text) ?? 'standard';
}

function settled(
  { observer }: PipelineParts,
  operation: 'commit' | 'release',
  outcome: SettleOutcome,
): SettlementAnswer {
  if (outcome.kind !== 'settled') {
    observer.settled(operation, outcome.kind, 0n);
    return { answer: refusalOf(outcome), keep: 'nothing' };
  }
  const { reservation, accounts, overrunMicroUsd, late } = outcome;
  observer.settled(operation, 'settled', overrunMicroUsd);
  const answer: Settled = {
    kind: 'settled',
    reservation,
    accounts: accountStatuses(accounts),
    overrunMicroUsd,
    late,
  };
  return { answer, keep: 'answer' };
}

type Refused = Exclude<SettleOutcome, { readonly kind: 'settled' }>;

export function refusalOf(outcome: Refused): SettlementRefusal {
  return outcome.kind === 'not_found' ? { kind: 'reservation_not_found' } : outcome;
}
