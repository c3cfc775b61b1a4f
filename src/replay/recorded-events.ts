import type { Call } from '../decision/call.ts';
import type { RecordedDecision, RecordedEvent } from '../decision/recorded-event.ts';
import type { CallFacts, DecisionRecord } from '../decision/record.ts';
import { NEUTRAL_PER_MILLE } from '../pricing/calibration.ts';
import { calibrationPerMilleOf } from '../pricing/price.ts';
import type { AskedEvent, ExtendedEvent, RecordedAnswer, ReplayEvent } from './replay-event.ts';

/** How long a call is held that was not held then. */
const HOLD_MS = 60_000;

/** Turns the record of the past into calls that can be made again. */
export async function* recordedEvents(
  pages: AsyncIterable<readonly RecordedEvent[]>,
): AsyncGenerator<readonly ReplayEvent[]> {
  for await (const page of pages) yield page.map(replayed);
}

function replayed(event: RecordedEvent): ReplayEvent {
  switch (event.kind) {
    case 'decision':
      return event.record.operation === 'extend' ? extended(event) : asked(event);
    case 'commit':
    case 'release':
    case 'expiry':
      return event;
  }
}

function asked({ record, hold, atMs }: RecordedDecision): AskedEvent {
  const { decision, facts, operation, requestId } = record;
  return {
    kind: 'asked',
    operation: operation === 'authorize' ? 'authorize' : 'reserve',
    id: decision.decisionId,
    requestId,
    call: callOf(record),
    decidedAtMs: decision.decidedAtMs,
    heldAtMs: atMs,
    holdForMs: hold ? Math.max(0, hold.expiresAtMs - atMs) : HOLD_MS,
    acceptPartial: hold !== undefined && isLess(hold.held, facts.estimated),
    authorizedBy: hold?.authorizedBy ?? '',
    reservationId: hold?.reservationId ?? '',
    before: answerOf(record),
    usage: undefined,
  };
}

function extended({ record, hold, atMs }: RecordedDecision): ExtendedEvent {
  const { decision, facts, requestId, reservationId } = record;
  return {
    kind: 'extended',
    id: decision.decisionId,
    requestId,
    tenant: facts.tenant,
    agent: facts.agent,
    decidedAtMs: decision.decidedAtMs,
    heldAtMs: atMs,
    reservationId,
    add: facts.estimated,
    holdForMs: hold && Math.max(0, hold.expiresAtMs - atMs),
    before: answerOf(record),
  };
}

/** That a caller would have taken less is known only where it did. */
function isLess(held: CallFacts['estimated'], estimated: CallFacts['estimated']): boolean {
  return held.costMicroUsd < estimated.costMicroUsd || held.outputTokens < estimated.outputTokens;
}

function answerOf({ decision: { effect, reasons, price } }: DecisionRecord): RecordedAnswer {
  const priced = price !== undefined && price.tableVersion !== '';
  return {
    effect,
    reasons,
    baseMicroUsd: priced ? price.baseMicroUsd : undefined,
    calibrationPerMille: BigInt((price && calibrationPerMilleOf(price)) ?? NEUTRAL_PER_MILLE),
  };
}

/** The call as it was made, as far as the record tells. */
function callOf(record: DecisionRecord): Call {
  // Older records lack what newer ones have.
  const facts = Object.assign({ ...LATER_FACTS }, record.facts);
  const { estimated } = facts;
  const given = record.decision.price?.tableVersion === '';
  return {
    tenant: facts.tenant,
    agent: facts.agent,
    agentVersion: facts.agentVersion,
    user: facts.user,
    team: facts.team,
    roles: facts.roles,
    system: facts.system,
    environment: facts.environment,
    country: facts.country,
    // Sealed with the person; a replay opens nobody's data, and policies that ask for it lack it.
    sourceIp: '',
    dataClassification: facts.dataClassification,
    attributes: facts.attributes,
    estimate: {
      costMicroUsd: given ? estimated.costMicroUsd : undefined,
      inputTokens: estimated.inputTokens,
      outputTokens: estimated.outputTokens,
      complexity: facts.complexity,
      model: facts.model,
    },
    parentTraceId: facts.parentTraceId,
    consent: facts.consent,
    personal: NOBODY,
  };
}

const LATER_FACTS = { country: '', dataClassification: [], attributes: {}, consent: '' };
const NOBODY = { externalUserId: '', email: '', name: '', session: '' };
