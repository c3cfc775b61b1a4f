import { status, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'vitest';
import type { ManualClock } from '../../src/lib/clock.ts';
import {
  AuthorizeRequest,
  AuthorizeResponse,
  CommitRequest,
  CommitResponse,
  ExtendRequest,
  ExtendResponse,
  ReleaseRequest,
  ReleaseResponse,
  ReserveRequest,
  ReserveResponse,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import {
  GetRateStatusRequest,
  GetRateStatusResponse,
  GetReservationResponse,
} from '../../src/gen/tollgate/v1/query_service.ts';
import type { Stack } from '../support/stack.ts';

type Json = Record<string, unknown>;

/** One step: exactly one of the actions, and what must come of it. */
export interface Step {
  readonly repeat?: number;
  /** A duration such as "60s", or the retry time of the last denial. */
  readonly advance?: string;
  /** Expires holds; the number that must expire. */
  readonly expire?: number;
  readonly authorize?: Json;
  readonly reserve?: Json;
  readonly commit?: Json;
  readonly release?: Json;
  readonly extend?: Json;
  readonly rateStatus?: Json;
  /** Looks up the reservation of an earlier step. */
  readonly reservation?: string;
  readonly expect?: Expectation;
}

interface Expectation {
  readonly effect?: 'ALLOW' | 'DENY';
  /**
   * `code`, `code rule` or `code rule scope`: all reasons, in order; what is not written is not
   * compared.
   */
  readonly reasons?: readonly string[];
  /** Parts of reason messages, each of which must be in one. */
  readonly messages?: readonly string[];
  /** `limit/seconds` → remaining. */
  readonly windows?: Readonly<Record<string, number>>;
  /** budget → remaining of its first metric. */
  readonly accounts?: Readonly<Record<string, number>>;
  /** Names of header fields, all of them. */
  readonly headers?: readonly string[];
  /** Part of the decision, as proto JSON. */
  readonly decision?: Json;
  readonly reservation?: Json | 'none';
  /** Part of the whole response. */
  readonly response?: Json;
  /** Name of a gRPC status. */
  readonly error?: keyof typeof status;
}

export interface CaseState {
  readonly stack: Stack;
  readonly clock: ManualClock;
  /** Answers by the name that a step gave them with `as`. */
  readonly answers: Map<string, Json>;
  last: Json | undefined;
  readonly recorded: {
    readonly decisionId: string;
    readonly effect: string;
    readonly codes: readonly string[];
  }[];
}

let requests = 0;

export async function runStep(state: CaseState, step: Step): Promise<void> {
  for (let time = 0; time < (step.repeat ?? 1); time++) await runOnce(state, step);
}

async function runOnce(state: CaseState, step: Step): Promise<void> {
  if (step.advance !== undefined) {
    state.clock.advance(step.advance === 'retry_after' ? retryAfterMs(state) : ms(step.advance));
    return;
  }
  if (step.expire !== undefined) {
    expect(await state.stack.stores.ledger.expire(100)).toBe(step.expire);
    return;
  }
  const wanted = step.expect ?? {};
  const answer = await act(state, step).catch((error: unknown) => error as ServiceError);
  if (answer instanceof Error) {
    expect(`${status[answer.code]}: ${answer.message}`).toContain(
      wanted.error ?? 'no error expected',
    );
    return;
  }
  expect(wanted.error, 'an answer came where an error was expected').toBeUndefined();
  state.last = answer;
  note(state, step, answer);
  check(answer, wanted);
}

function act(state: CaseState, step: Step): Promise<Json> {
  const { decisions, queries } = state.stack;
  const requestId = `request-${requests++}`;
  const send = <Request, Response>(
    build: { fromJSON(json: unknown): Request },
    response: { toJSON(message: Response): unknown },
    json: Json,
    call: (
      request: Request,
      reply: (error: ServiceError | null, response: Response) => void,
    ) => unknown,
  ): Promise<Json> =>
    new Promise((resolve, reject) => {
      call(build.fromJSON({ requestId, ...json }), (error, answer) =>
        error ? reject(error) : resolve(response.toJSON(answer) as Json),
      );
    });
  const settling = (json: Json): Json => ({
    tenant: 'acme',
    ...json,
    ...(typeof json.reservation === 'string' && {
      reservationId: reservationOf(state, json.reservation),
    }),
  });
  if (step.authorize) {
    return send(AuthorizeRequest, AuthorizeResponse, inTenant(step.authorize), (request, reply) =>
      decisions.authorize(request, reply),
    );
  }
  if (step.reserve) {
    const token = tokenOf(state, step.reserve.token);
    const json = { ...inTenant(step.reserve), ...(token && { authorizationToken: token }) };
    return send(ReserveRequest, ReserveResponse, json, (request, reply) =>
      decisions.reserve(request, reply),
    );
  }
  if (step.commit) {
    return send(CommitRequest, CommitResponse, settling(step.commit), (request, reply) =>
      decisions.commit(request, reply),
    );
  }
  if (step.release) {
    return send(ReleaseRequest, ReleaseResponse, settling(step.release), (request, reply) =>
      decisions.release(request, reply),
    );
  }
  if (step.extend) {
    return send(ExtendRequest, ExtendResponse, settling(step.extend), (request, reply) =>
      decisions.extend(request, reply),
    );
  }
  if (step.rateStatus) {
    const json = inTenant(step.rateStatus);
    return send(GetRateStatusRequest, GetRateStatusResponse, json, (request, reply) =>
      queries.getRateStatus(request, reply),
    );
  }
  const reservationId = reservationOf(state, step.reservation ?? '');
  return new Promise((resolve, reject) => {
    queries.getReservation({ tenant: 'acme', reservationId }, (error, answer) =>
      error ? reject(error) : resolve(GetReservationResponse.toJSON(answer) as Json),
    );
  });
}

function inTenant(json: Json): Json {
  const holdFor = json.holdFor;
  return {
    ...json,
    call: { tenant: 'acme', ...(json.call as Json) },
    ...(typeof holdFor === 'string' && { holdFor: { seconds: ms(holdFor) / 1000 } }),
  };
}

function reservationOf({ answers }: CaseState, name: string): string {
  const reservation = answers.get(name)?.reservation as Json | undefined;
  return String(reservation?.reservationId);
}

function tokenOf({ answers }: CaseState, name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const decision = answers.get(name)?.decision as Json | undefined;
  return String((decision?.grant as Json | undefined)?.token);
}

function note(state: CaseState, step: Step, answer: Json): void {
  const name = (step.authorize ?? step.reserve)?.as;
  if (typeof name === 'string') state.answers.set(name, answer);
  const decision = answer.decision as Json | undefined;
  if (!decision) return;
  state.recorded.push({
    decisionId: String(decision.decisionId),
    effect: effectOf(decision),
    codes: list(decision.reasons).map(({ code }) => String(code)),
  });
}

function check(answer: Json, wanted: Expectation): void {
  const decision = (answer.decision ?? {}) as Json;
  const reasons = list(decision.reasons);
  if (wanted.effect) expect(effectOf(decision), JSON.stringify(reasons)).toBe(wanted.effect);
  if (wanted.reasons) {
    expect(
      reasons.map(({ code, rule, scope }, index) => {
        const parts = wanted.reasons?.[index]?.split(' ').length ?? 3;
        return [code, rule, scope].slice(0, parts).join(' ');
      }),
    ).toEqual(wanted.reasons);
  }
  const messages = reasons.map(({ message }) => String(message)).join('\n');
  for (const part of wanted.messages ?? []) expect(messages).toContain(part);
  checkStatuses(answer, decision, wanted);
  if (wanted.headers) {
    expect(
      list(decision.headers)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(wanted.headers.toSorted());
  }
  if (wanted.decision) expect(decision).toMatchObject(wanted.decision);
  if (wanted.reservation === 'none') expect(answer.reservation).toBeUndefined();
  else if (wanted.reservation) expect(answer.reservation).toMatchObject(wanted.reservation);
  if (wanted.response) expect(answer).toMatchObject(wanted.response);
}

function checkStatuses(answer: Json, decision: Json, wanted: Expectation): void {
  const windows = list(decision.rateStatus ?? answer.rateStatus);
  for (const [name, remaining] of Object.entries(wanted.windows ?? {})) {
    const [limitId, seconds] = name.split('/');
    const found = windows.find(
      (one) => one.limitId === limitId && Number((one.window as Json).seconds) === Number(seconds),
    );
    expect(Number(found?.remaining ?? (found ? 0 : NaN)), name).toBe(remaining);
  }
  const accounts = list(decision.budgetStatus ?? answer.budgetStatus);
  for (const [budget, remaining] of Object.entries(wanted.accounts ?? {})) {
    const found = accounts.find((one) => one.budgetId === budget);
    expect(Number(list(found?.metrics)[0]?.remaining ?? (found ? 0 : NaN)), budget).toBe(remaining);
  }
}

function effectOf(decision: Json): string {
  return String(decision.effect).replace('EFFECT_', '');
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

function ms(duration: string): number {
  const seconds = /^(\d+)s$/.exec(duration)?.[1];
  if (seconds === undefined) throw new Error(`"${duration}" is no duration such as "60s"`);
  return Number(seconds) * 1000;
}

/** The longest wait that a reason of the last denial names. */
function retryAfterMs({ last }: CaseState): number {
  const decision = (last?.decision ?? {}) as Json;
  const waits = list(decision.reasons).map(({ retryAfter }) => {
    const { seconds = 0, nanos = 0 } = (retryAfter ?? {}) as { seconds?: number; nanos?: number };
    return seconds * 1000 + nanos / 1_000_000;
  });
  return Math.max(...waits);
}
