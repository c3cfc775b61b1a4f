import type { Decided, DecisionPoint, Refusal, Settled } from '../decision/answers.ts';
import type { SettlementRefusal } from '../decision/answers.ts';
import type * as wire from '../gen/tollgate/v1/decision_service.ts';
import type { Violation } from './fields.ts';
import { readAuthorize, readCommit, readExtend, readRelease, readReserve } from './read-request.ts';
import { failureOf, invalidArgument } from './refusals.ts';
import type { CallFailure } from './status-details.ts';
import { unary, type Answerer, type Edge } from './unary.ts';
import { writeDecision } from './write-decision.ts';
import { budgetStatusOf, reservationOf } from './write-status.ts';

const SERVICE = '/tollgate.v1.DecisionService';

/** The handlers of the DecisionService: they read, ask the decision point, and write. */
export function decisionHandlers(point: DecisionPoint, edge: Edge): wire.DecisionServiceServer {
  return {
    authorize: unary(
      edge,
      `${SERVICE}/Authorize`,
      handler(readAuthorize, (command) => point.authorize(command), writeAuthorized),
    ),
    reserve: unary(
      edge,
      `${SERVICE}/Reserve`,
      handler(readReserve, (command) => point.reserve(command), writeReserved),
    ),
    commit: unary(
      edge,
      `${SERVICE}/Commit`,
      handler(readCommit, (command) => point.commit(command), writeCommitted),
    ),
    release: unary(
      edge,
      `${SERVICE}/Release`,
      handler(readRelease, (command) => point.release(command), writeReleased),
    ),
    extend: unary(
      edge,
      `${SERVICE}/Extend`,
      handler(readExtend, (command) => point.extend(command), writeExtended),
    ),
  };
}

/** Adds what is wrong to `found`; undefined exactly when something is. */
type Reader<Request, Command> = (
  found: Violation[],
  request: Request,
  traceId: string,
) => Command | undefined;

type Outcome = Decided | Settled | Refusal | SettlementRefusal;

function handler<Request, Command, Answered extends Outcome, Response>(
  read: Reader<Request, Command>,
  ask: (command: Command) => Promise<Answered>,
  write: (answered: Answered) => Response | CallFailure,
): Answerer<Request, Response> {
  return async (request, traceId) => {
    const found: Violation[] = [];
    const command = read(found, request, traceId);
    return command === undefined ? invalidArgument(found) : write(await ask(command));
  };
}

function writeAuthorized(answered: Decided | Refusal): wire.AuthorizeResponse | CallFailure {
  if (answered.kind !== 'decided') return failureOf(answered, 'call.tenant');
  return { decision: writeDecision(answered.decision) };
}

function writeReserved(answered: Decided | Refusal): wire.ReserveResponse | CallFailure {
  return answered.kind === 'decided' ? decidedOf(answered) : failureOf(answered, 'call.tenant');
}

function writeExtended(answered: Decided | SettlementRefusal): wire.ExtendResponse | CallFailure {
  return answered.kind === 'decided' ? decidedOf(answered) : failureOf(answered, 'tenant');
}

function decidedOf({ decision, reservation }: Decided): wire.ReserveResponse {
  return {
    decision: writeDecision(decision),
    reservation: reservation === undefined ? undefined : reservationOf(reservation),
  };
}

function writeCommitted(answered: Settled | SettlementRefusal): wire.CommitResponse | CallFailure {
  if (answered.kind !== 'settled') return failureOf(answered, 'tenant');
  const { reservation, overrunMicroUsd, accounts, late } = answered;
  return {
    reservation: reservationOf(reservation),
    overrunMicroUsd,
    budgetStatus: accounts.map(budgetStatusOf),
    late,
  };
}

function writeReleased(answered: Settled | SettlementRefusal): wire.ReleaseResponse | CallFailure {
  if (answered.kind !== 'settled') return failureOf(answered, 'tenant');
  const { reservation, accounts } = answered;
  return { reservation: reservationOf(reservation), budgetStatus: accounts.map(budgetStatusOf) };
}
