import type { Amounts } from '../budgets/amounts.ts';
import { costOf } from '../pricing/price-table.ts';
import { accountStatuses } from './account-reasons.ts';
import type { Settled, SettlementRefusal } from './answers.ts';
import type { Remembered } from './answer-memory.ts';
import { COMPLEXITIES, type CommitCommand, type Complexity, type ReleaseCommand } from './call.ts';
import type { PipelineParts } from './parts.ts';
import { shadowCallId } from './shadow-limits.ts';
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
  const errorMessage = keepsTexts(parts, command.tenant) ? command.errorMessage : '';
  const actual: Amounts = { ...priced, inputTokens, outputTokens, invocations: 1n };
  const outcome = await parts.observer.stage('settle', () =>
    parts.ledger.commit({ ...rest, errorMessage, actual }),
  );
  await settleWindows(parts, command.tenant, outcome, inputTokens + outputTokens);
  return settled(parts, 'commit', outcome);
}

/** Gives back the hold of a call that was never dispatched. */
export async function release(
  parts: PipelineParts,
  command: ReleaseCommand,
): Promise<SettlementAnswer> {
  const reason = keepsTexts(parts, command.tenant) ? command.reason : '';
  const outcome = await parts.observer.stage('settle', () =>
    parts.ledger.release({ ...command, reason }),
  );
  await settleWindows(parts, command.tenant, outcome, 0n);
  return settled(parts, 'release', outcome);
}

/** Texts from callers may hold anything, so a tenant may keep them out of its record. */
function keepsTexts({ config }: PipelineParts, tenant: string): boolean {
  return config.current().tenants.get(tenant)?.record.errorMessages ?? true;
}

/**
 * Tells the windows what the call used and that it has ended. The ledger has its answer by then,
 * which stands whatever the windows' store does: there, tokens then stay as estimated and the call
 * in flight until its time is over.
 */
async function settleWindows(
  { config, limiter, localLimiter, observer }: PipelineParts,
  tenant: string,
  outcome: SettleOutcome,
  tokens: bigint,
): Promise<void> {
  const { limits } = config.current();
  if (outcome.kind !== 'settled' || !limits.settlesLater) return;
  const { callId } = outcome.reservation;
  const used = Number(tokens < MOST_TOKENS ? tokens : MOST_TOKENS);
  const request = { tenant, callId, tokens: used };
  const told = await observer.stage('correct', async () => {
    await localLimiter.settle(request);
    const inShadow = limits.settlesLaterInShadow.map((limitId) =>
      limiter.settle({ ...request, callId: shadowCallId(callId, limitId) }),
    );
    const [own] = await Promise.all([limiter.settle(request), ...inShadow]);
    return own;
  });
  observer.windowsSettled(typeof told === 'string' ? told : told.kind);
}

/** Far more than any limit. */
const MOST_TOKENS = 1_000_000_000_000n;

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
