import type { handleUnaryCall } from '@grpc/grpc-js';
import type { Decided, DecisionPoint, Refusal, Settled } from '../decision/answers.ts';
import type { SettlementRefusal } from '../decision/answers.ts';
import * as wire from '../gen/tollgate/v1/decision_service.ts';
import type { Violation } from './fields.ts';
import { readAuthorize, readCommit, readExtend, readRelease, readReserve } from './read-request.ts';
import { failureOf, invalidArgument } from './refusals.ts';
import type { CallFailure } from './status-details.ts';
import { unary, type Answerer, type Edge } from './unary.ts';
import { writeAnswer } from './write-answer.ts';
import { budgetStatusOf, reservationOf } from './write-status.ts';

const SERVICE = '/tollgate.v1.DecisionService';

/** Decisions leave their handlers as bytes (write-answer.ts). */
const asItIs = (bytes: Buffer): Buffer => bytes;
const { authorize, reserve, extend, ...settling } = wire.DecisionServiceService;
export const decisionService = {
  ...settling,
  authorize: { ...authorize, responseSerialize: asItIs },
  reserve: { ...reserve, responseSerialize: asItIs },
  extend: { ...extend, responseSerialize: asItIs },
};

type DecisionHandlers = Pick<wire.DecisionServiceServer, 'commit' | 'release'> & {
  readonly authorize: handleUnaryCall<wire.AuthorizeRequest, Buffer>;
  readonly reserve: handleUnaryCall<wire.ReserveRequest, Buffer>;
  readonly extend: handleUnaryCall<wire.ExtendRequest, Buffer>;
};

/** Handlers of `decisionService`: they read, ask the decision point, and write. */
export function decisionHandlers(point: DecisionPoint, edge: Edge): DecisionHandlers {
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

function writeAuthorized(answered: Decided | Refusal): Buffer | CallFailure {
  if (answered.kind !== 'decided') return failureOf(answered, 'call.tenant');
  return writeAnswer(answered.decision, NOTHING_ELSE);
}

const NOTHING_ELSE = wire.AuthorizeResponse.encode({ decision: undefined }).finish();

function writeReserved(answered: Decided | Refusal): Buffer | CallFailure {
  if (answered.kind !== 'decided') return failureOf(answered, 'call.tenant');
  const rest = { decision: undefined, reservation: reservationIn(answered) };
  return writeAnswer(answered.decision, wire.ReserveResponse.encode(rest).finish());
}

function writeExtended(answered: Decided | SettlementRefusal): Buffer | CallFailure {
  if (answered.kind !== 'decided') return failureOf(answered, 'tenant');
  const rest = { decision: undefined, reservation: reservationIn(answered) };
  return writeAnswer(answered.decision, wire.ExtendResponse.encode(rest).finish());
}

function reservationIn({ reservation }: Decided): wire.Reservation | undefined {
  return reservation && reservationOf(reservation);
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
