import { reservationIdOf } from '../lib/ids.ts';
import { budgetsOf, type Admission } from './admission.ts';
import type { Remembered } from './answer-memory.ts';
import type { Decided } from './answers.ts';
import type { ReserveCommand } from './call.ts';
import type { Decision } from './decision.ts';
import { denial, ledgerOutage } from './denial.ts';
import { openingDraft, recordOf } from './draft.ts';
import { finishHold } from './finish.ts';
import { giveBack, passGates, type Gates } from './gates.ts';
import type { PipelineParts } from './parts.ts';
import type { Conflict, HoldOutcome, HoldRequest, Overloaded } from './ports.ts';
import type { Reason } from './reasons.ts';
import { identified, recordDecision } from './recording.ts';

type ReserveAnswer = Remembered<Decided | Conflict | Overloaded>;

/**
 * All of Authorize, then the estimate is held in every account that matches; or, with a token, only
 * the hold.
 */
export async function reserve(
  parts: PipelineParts,
  admission: Admission,
  command: ReserveCommand,
): Promise<ReserveAnswer> {
  const opened = command.authorizationToken
    ? openByToken(parts, admission, command)
    : { gates: await passGates(parts, admission, 'reserve'), authorizedBy: '' };
  const { gates, authorizedBy } = opened;
  if (gates.kind !== 'gates') return { answer: gates, keep: 'nothing' };
  if (gates.draft.effect === 'deny') return denyBeforeHold(parts, admission, gates);
  const request = holdRequest(parts, admission, command, gates, authorizedBy);
  const outcome = await parts.observer.stage('hold', () => parts.ledger.hold(request));
  return afterHold(parts, admission, gates, outcome);
}

/** A valid token stands for policy and windows; the ledger sees to it that it is used once. */
function openByToken(
  parts: PipelineParts,
  admission: Admission,
  { call, authorizationToken }: ReserveCommand,
): { readonly gates: Gates; readonly authorizedBy: string } {
  const claims = parts.tokens.verify(call, authorizationToken, admission.nowMs);
  const draft: Decision = { ...openingDraft(admission, 'reserve'), effect: 'allow' };
  const gates: Gates = {
    kind: 'gates',
    draft,
    budgets: budgetsOf(admission),
    taken: undefined,
    takenNow: false,
    byToken: true,
    outage: false,
    pure: false,
  };
  if (claims) return { gates, authorizedBy: claims.decisionId };
  const message = 'The authorization token is not ours, has expired, or is for another call.';
  const refused = denial(draft, [{ code: 'token.invalid', message }]);
  return { gates: { ...gates, draft: refused }, authorizedBy: '' };
}

function holdRequest(
  parts: PipelineParts,
  admission: Admission,
  command: ReserveCommand,
  { draft, budgets }: Gates,
  authorizedBy: string,
): HoldRequest {
  const reservationId = reservationIdOf(draft.decisionId);
  const { agent, amounts, model } = admission;
  return {
    tenant: command.tenant,
    requestId: command.requestId,
    fingerprint: command.fingerprint,
    reservationId,
    amounts,
    accounts: budgets.accounts,
    holdForMs: command.holdForMs,
    acceptPartial: command.acceptPartial,
    authorizedBy,
    pricing: {
      agent: command.call.agent,
      platform: agent?.provider ?? '',
      model,
      complexity: command.call.estimate.complexity,
    },
    record: recordOf(parts, admission, 'reserve', draft, reservationId),
  };
}

/**
 * Policy or windows deny. If an earlier try of this request got a hold, from another process or
 * under another configuration, the caller is owed that answer; otherwise the denial is recorded.
 */
async function denyBeforeHold(
  parts: PipelineParts,
  admission: Admission,
  gates: Gates,
): Promise<ReserveAnswer> {
  const { tenant, requestId, fingerprint } = admission.command;
  const earlier = await parts.ledger.recall(tenant, requestId, fingerprint);
  if (earlier.kind === 'held' || earlier.kind === 'denied' || earlier.kind === 'conflict') {
    return afterHold(parts, admission, gates, earlier);
  }
  // Without the ledger's word a denial may contradict a hold, so it does not stand for good.
  const known = earlier.kind === 'nothing';
  return answerWithoutHold(parts, admission, gates, known && !gates.outage);
}

async function afterHold(
  parts: PipelineParts,
  admission: Admission,
  gates: Gates,
  outcome: HoldOutcome,
): Promise<ReserveAnswer> {
  switch (outcome.kind) {
    case 'held': {
      if (countedBefore(admission, gates, outcome)) await giveBack(parts, gates.taken);
      const decision = finishHold(outcome.record.decision, outcome);
      tell(parts, admission, decision);
      const { reservation } = outcome;
      return { answer: { kind: 'decided', decision, reservation }, keep: keepOf(admission) };
    }
    case 'denied': {
      const returned = await giveBack(parts, gates.taken);
      const decision = finishHold(outcome.record.decision, outcome);
      tell(parts, admission, decision);
      const answer: Decided = { kind: 'decided', decision, reservation: undefined };
      return { answer, keep: returned ? keepOf(admission) : 'nothing' };
    }
    case 'unavailable':
      return duringOutage(parts, admission, outcome.undone ? gates : keepingTaken(gates));
    case 'conflict':
    case 'overloaded':
      if (gates.takenNow) await giveBack(parts, gates.taken);
      return { answer: outcome, keep: 'nothing' };
  }
}

/** Windows remember a request for ten minutes; half of it leaves room for clocks that disagree. */
const SURELY_REMEMBERED_MS = 5 * 60_000;

/**
 * The windows had forgotten the first try, which the ledger remembers, and counted the request
 * again. A first try that is young was not forgotten: it is a copy on its way at the same time, and
 * shares the count.
 */
function countedBefore(
  { nowMs }: Admission,
  { takenNow }: Gates,
  { replayed, record }: HoldOutcome & { readonly kind: 'held' },
): boolean {
  return replayed && takenNow && nowMs - record.decision.decidedAtMs > SURELY_REMEMBERED_MS;
}

/**
 * Nobody knows whether the hold was taken. What the windows gave stays taken, because a repeat may
 * find the hold; a repeat shares the count.
 */
function keepingTaken(gates: Gates): Gates {
  const windows = gates.draft.windows.map(({ taken: _taken, ...window }) => window);
  return { ...gates, draft: { ...gates.draft, windows }, taken: undefined, takenNow: false };
}

async function duringOutage(
  parts: PipelineParts,
  admission: Admission,
  gates: Gates,
): Promise<ReserveAnswer> {
  const draft = gates.byToken
    ? denial(gates.draft, [TOKEN_NOT_CHECKED])
    : ledgerOutage(gates.draft, gates.budgets.accounts);
  return answerWithoutHold(parts, admission, { ...gates, draft }, false);
}

async function answerWithoutHold(
  parts: PipelineParts,
  admission: Admission,
  { draft, taken, takenNow }: Gates,
  final: boolean,
): Promise<ReserveAnswer> {
  const record = recordOf(parts, admission, 'reserve', identified(draft, final));
  const decision = await recordDecision(parts, record);
  if (decision.effect === 'deny' && takenNow) await giveBack(parts, taken);
  tell(parts, admission, decision);
  const recorded = decision === record.decision;
  const answer: Decided = { kind: 'decided', decision, reservation: undefined };
  return { answer, keep: final && recorded ? keepOf(admission) : 'nothing' };
}

/** Only the ledger knows whether a token was used, so without it no token is worth anything. */
const TOKEN_NOT_CHECKED: Reason = {
  code: 'ledger.unavailable',
  message:
    'The authorization token could not be checked: it is usable once, and the ledger is away.',
};

function keepOf({ command }: Admission): ReserveAnswer['keep'] {
  return command.explain ? 'large answer' : 'answer';
}

function tell({ observer }: PipelineParts, { command }: Admission, decision: Decision): void {
  observer.decided('reserve', decision, command.tenant, command.call.agent, command.traceId);
}
