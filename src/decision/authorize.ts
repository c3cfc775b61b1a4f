import type { AccountReading } from '../budgets/account.ts';
import type { Amounts, Metric } from '../budgets/amounts.ts';
import { standingsOf } from '../budgets/standing.ts';
import { decisionIdOf } from '../lib/ids.ts';
import { accountStatuses, shortageReasons } from './account-reasons.ts';
import type { Admission } from './admission.ts';
import type { Decided } from './answers.ts';
import type { Remembered } from './answer-memory.ts';
import type { Decision } from './decision.ts';
import { denial, ledgerOutage } from './denial.ts';
import { withAccounts } from './finish.ts';
import { recordOf } from './draft.ts';
import { giveBack, passGates, type Gates } from './gates.ts';
import type { PipelineParts } from './parts.ts';
import type { Conflict, Overloaded } from './ports.ts';
import { identified, recordDecision } from './recording.ts';

/**
 * How long a grant of Authorize may be used: long enough to reserve, short enough not to be
 * hoarded.
 */
const GRANT_MS = 60_000;

/** Policy, windows, then a look at the headroom of every account; nothing is held. */
export async function authorize(
  parts: PipelineParts,
  admission: Admission,
): Promise<Remembered<Decided | Conflict | Overloaded>> {
  const gates = await passGates(parts, admission, 'authorize');
  if (gates.kind !== 'gates') return { answer: gates, keep: 'nothing' };
  const looked =
    gates.draft.effect === 'allow' ? await lookAtHeadroom(parts, admission, gates) : gates;
  if (looked.kind === 'overloaded') {
    if (gates.takenNow) await giveBack(parts, gates.taken);
    return { answer: looked, keep: 'nothing' };
  }
  const granted = withGrant(parts, admission, identified(looked.draft, !looked.outage), gates);
  const answer: Decided = { kind: 'decided', decision: granted, reservation: undefined };
  if (admission.repeat) return { answer, keep: 'nothing' };
  const decision = await recordDecision(parts, recordOf(parts, admission, 'authorize', granted));
  const settled =
    decision.effect === 'allow' || !gates.takenNow || (await giveBack(parts, gates.taken));
  const { command } = admission;
  parts.observer.decided(
    'authorize',
    decision,
    command.tenant,
    command.call.agent,
    command.traceId,
  );
  if (decision !== granted || !settled) {
    return { answer: { ...answer, decision }, keep: 'nothing' };
  }
  return { answer, keep: keepOf(looked, command.explain) };
}

function keepOf({ outage, pure }: Gates, explained: boolean): Remembered<Decided>['keep'] {
  if (outage) return 'nothing';
  if (pure) return 'moment';
  return explained ? 'large answer' : 'answer';
}

async function lookAtHeadroom(
  parts: PipelineParts,
  { command, amounts }: Admission,
  gates: Gates,
): Promise<Gates | Overloaded> {
  const { accounts } = gates.budgets;
  if (accounts.length === 0) return gates;
  const readings = await parts.observer.stage('headroom', () =>
    parts.ledger.read(command.tenant, accounts),
  );
  if (!('kind' in readings)) {
    return { ...gates, draft: withHeadroom(gates.draft, readings, amounts), pure: false };
  }
  if (readings.kind === 'overloaded') return readings;
  return { ...gates, draft: ledgerOutage(gates.draft, accounts), outage: true };
}

function withHeadroom(
  draft: Decision,
  accounts: readonly AccountReading[],
  asked: Amounts,
): Decision {
  const short = accounts.flatMap((one) => shortageReasons(one, asked, draft.decidedAtMs));
  if (short.length > 0) return { ...denial(draft, short), accounts: accountStatuses(accounts) };
  const grant = {
    maxCostMicroUsd: leastLeft(accounts, 'costMicroUsd'),
    maxOutputTokens: outputTokensLeft(accounts, asked),
    expiresAtMs: draft.decidedAtMs + GRANT_MS,
    token: '',
  };
  return { ...withAccounts(draft, accounts), grant };
}

/** The least that any hard account has left; undefined when none caps the metric. */
function leastLeft(accounts: readonly AccountReading[], metric: Metric): bigint | undefined {
  const left = accounts
    .filter((account) => !account.soft)
    .flatMap((account) => standingsOf(account))
    .filter((standing) => standing.metric === metric)
    .map(({ remaining }) => remaining);
  return left.length === 0 ? undefined : left.reduce((a, b) => (a < b ? a : b), left[0] ?? 0n);
}

/** A cap on all tokens leaves for the output what the input does not take. */
function outputTokensLeft(accounts: readonly AccountReading[], asked: Amounts): bigint | undefined {
  const output = leastLeft(accounts, 'outputTokens');
  const total = leastLeft(accounts, 'totalTokens');
  const afterInput = total === undefined ? undefined : total - asked.inputTokens;
  if (output === undefined || afterInput === undefined) return output ?? afterInput;
  return output < afterInput ? output : afterInput;
}

/**
 * Completes the grant of an allow; without budgets nothing but time bounds it. Its token spares a
 * Reserve the windows that were taken here; where none were taken there is nothing to spare, and no
 * token.
 */
function withGrant(
  parts: PipelineParts,
  { command }: Admission,
  draft: Decision,
  { taken }: Gates,
): Decision {
  if (draft.effect === 'deny') return draft;
  // Of the request, not of this answer: repeats during an outage must not add up to several tokens.
  const decisionId = decisionIdOf(command.tenant, 'authorize', command.requestId);
  const unbounded = { maxCostMicroUsd: undefined, maxOutputTokens: undefined };
  const { expiresAtMs, ...bounds } = draft.grant ?? {
    ...unbounded,
    expiresAtMs: draft.decidedAtMs + GRANT_MS,
  };
  const token = taken ? parts.tokens.sign(command.call, { decisionId, expiresAtMs }) : '';
  return { ...draft, grant: { ...bounds, expiresAtMs, token } };
}
