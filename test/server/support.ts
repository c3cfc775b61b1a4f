import { credentials, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import type {
  Decided,
  DecisionPoint,
  Refusal,
  Settled,
  SettlementRefusal,
} from '../../src/decision/answers.ts';
import type { Decision } from '../../src/decision/decision.ts';
import type { Reservation } from '../../src/decision/ports.ts';
import type { PersonDesk } from '../../src/decision/person-desk.ts';
import type { Queries } from '../../src/decision/queries.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { Call } from '../../src/gen/tollgate/v1/call.ts';
import {
  AuthorizeRequest,
  DecisionServiceClient,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import { QueryServiceClient } from '../../src/gen/tollgate/v1/query_service.ts';
import { RecordServiceClient } from '../../src/gen/tollgate/v1/record_service.ts';
import type { EdgeLog } from '../../src/server/edge-log.ts';
import {
  startGrpcServer,
  type GrpcServer,
  type GrpcServerOptions,
} from '../../src/server/grpc-server.ts';
import { noTracing } from '../../src/server/request-tracing.ts';

/** The edge only translates, so its tests script the decision point behind it. */

export const DECIDED_AT_MS = Date.UTC(2026, 10, 21, 12, 0, 0);

export const ALLOW: Decision = {
  decisionId: 'dec_1',
  effect: 'allow',
  reasons: [{ code: 'policy.allowed', message: 'Allowed by p1.', ruleKind: 'policy', rule: 'p1' }],
  windows: [],
  accounts: [],
  grant: {
    maxCostMicroUsd: undefined,
    maxOutputTokens: undefined,
    expiresAtMs: DECIDED_AT_MS + 60_000,
    token: 'token-1',
  },
  obligations: [],
  exemptions: [],
  degraded: false,
  price: undefined,
  explanation: undefined,
  configurationRevision: '7-0a1b2c3d',
  decidedAtMs: DECIDED_AT_MS,
};

export const AMOUNTS = {
  costMicroUsd: 120_000n,
  inputTokens: 1_000n,
  outputTokens: 500n,
  invocations: 1n,
};

export const RESERVATION: Reservation = {
  reservationId: 'res_1',
  decisionId: 'dec_1',
  callId: 'dec_1',
  state: 'open',
  held: AMOUNTS,
  committed: { costMicroUsd: 0n, inputTokens: 0n, outputTokens: 0n, invocations: 0n },
  expiresAtMs: DECIDED_AT_MS + 300_000,
  accounts: ['org-month/organization:acme/2026-11-01'],
  pricing: { agent: 'copilot', platform: 'azure_openai', model: 'gpt-4', complexity: 'standard' },
};

export const allowed: Decided = { kind: 'decided', decision: ALLOW, reservation: undefined };
export const held: Decided = { kind: 'decided', decision: ALLOW, reservation: RESERVATION };
export const settled: Settled = {
  kind: 'settled',
  reservation: { ...RESERVATION, state: 'committed', committed: AMOUNTS },
  accounts: [],
  overrunMicroUsd: 0n,
  late: false,
};

/** Keeps every command it is given, and answers as scripted. */
export function scripted(answers: Partial<DecisionPoint> = {}): {
  point: DecisionPoint;
  commands: unknown[];
} {
  const commands: unknown[] = [];
  const saying =
    <Command, Answer>(answer: (command: Command) => Promise<Answer>) =>
    (command: Command): Promise<Answer> => {
      commands.push(command);
      return answer(command);
    };
  const point: DecisionPoint = {
    authorize: saying(answers.authorize ?? (() => Promise.resolve(allowed))),
    reserve: saying(answers.reserve ?? (() => Promise.resolve(held))),
    commit: saying(answers.commit ?? (() => Promise.resolve(settled))),
    release: saying(answers.release ?? (() => Promise.resolve(settled))),
    extend: saying(answers.extend ?? (() => Promise.resolve(held))),
  };
  return { point, commands };
}

export const answering = (answer: Decided | Refusal) => () => Promise.resolve(answer);
export const settling = (answer: Settled | SettlementRefusal) => () => Promise.resolve(answer);

/** Answers "nothing" to every question, or what is given. */
export function knowing(answers: Partial<Queries> = {}): Queries {
  const nothing = (): Promise<{ kind: 'not_found' }> => Promise.resolve({ kind: 'not_found' });
  const status = {
    version: '0.1.0',
    configurationRevision: '7-0a1b2c3d',
    configurationLoadedAtMs: DECIDED_AT_MS,
    configurationError: '',
    components: [],
    recordsWaiting: 0,
    startedAtMs: DECIDED_AT_MS,
  };
  return {
    status: () => Promise.resolve(status),
    rateStatus: nothing,
    budgetStatus: nothing,
    reservation: nothing,
    decision: nothing,
    decisions: nothing,
    policies: nothing,
    usage: nothing,
    violations: nothing,
    calibrations: nothing,
    ...answers,
  };
}

/** Keeps nothing about anybody, or answers what is given. */
export function keeping(answers: Partial<PersonDesk> = {}): PersonDesk {
  const nothing = (): Promise<{ kind: 'not_found' }> => Promise.resolve({ kind: 'not_found' });
  return { erase: nothing, records: nothing, auditEvents: nothing, ...answers };
}

export interface LogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export function keptLog(): { log: EdgeLog; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const keep = (fields: LogLine['fields'], message: string): void => {
    lines.push({ fields, message });
  };
  return { log: { warn: keep, error: keep }, lines };
}

export interface RunningEdge {
  readonly server: GrpcServer;
  readonly client: DecisionServiceClient;
  readonly queries: QueryServiceClient;
  readonly records: RecordServiceClient;
  readonly lines: readonly LogLine[];
  stop(): Promise<void>;
}

/** A real grpc-js server on a free loopback port, and real clients. */
export async function startEdge(
  point: DecisionPoint,
  options: Partial<GrpcServerOptions> = {},
): Promise<RunningEdge> {
  const { log, lines } = keptLog();
  const server = await startGrpcServer({
    listen: '127.0.0.1:0',
    allowInsecure: false,
    decisionPoint: point,
    queries: knowing(),
    personDesk: keeping(),
    tracing: noTracing,
    log,
    serving: true,
    ...options,
  });
  const client = new DecisionServiceClient(server.address, credentials.createInsecure());
  const queries = new QueryServiceClient(server.address, credentials.createInsecure());
  const records = new RecordServiceClient(server.address, credentials.createInsecure());
  const stop = async (): Promise<void> => {
    client.close();
    queries.close();
    records.close();
    await server.drain(2_000);
  };
  return { server, client, queries, records, lines, stop };
}

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline?: number },
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** Calls a method; rejects with the ServiceError. */
export function ask<Request, Response>(
  client: object,
  method: Method<Request, Response>,
  request: Request,
  options: { deadline?: number; metadata?: Metadata } = {},
): Promise<Response> {
  const { metadata = new Metadata(), ...rest } = options;
  return new Promise((resolve, reject) => {
    method.call(client, request, metadata, rest, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** Sends bytes as the body of Authorize, or of another method; rejects with the ServiceError. */
export function askRaw(
  edge: Pick<RunningEdge, 'client'>,
  body: Buffer,
  method = '/tollgate.v1.DecisionService/Authorize',
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    edge.client.makeUnaryRequest(method, asItIs, asItIs, body, (error, response) => {
      if (error) reject(error);
      else resolve(response ?? Buffer.alloc(0));
    });
  });
}

export const CALL: Call = Call.fromPartial({ tenant: 'acme', agent: 'copilot' });

export function authorizeRequest(
  call: Parameters<typeof Call.fromPartial>[0] = {},
): AuthorizeRequest {
  return AuthorizeRequest.fromPartial({ requestId: 'req-1', call: { ...CALL, ...call } });
}

/** What a failed call says in google.rpc.Status. */
export interface FailureSeen {
  readonly code: number;
  readonly details: string;
  readonly violations: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly info: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
}

/** Waits for a call to fail and decodes its details, as a client library does. */
export async function failureOf(call: Promise<unknown>): Promise<FailureSeen> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason as StatusObject,
  );
  if (error === undefined) throw new Error('the call was answered');
  return decodeFailure(error);
}

export function decodeFailure(
  error: Pick<StatusObject, 'code' | 'details' | 'metadata'>,
): FailureSeen {
  const [packed] = error.metadata.get('grpc-status-details-bin');
  const details = packed === undefined ? [] : Status.decode(packed as Buffer).details;
  const found = (type: string): Uint8Array | undefined =>
    details.find((one) => one.typeUrl === `type.googleapis.com/google.rpc.${type}`)?.value;
  const badRequest = BadRequest.decode(found('BadRequest') ?? new Uint8Array());
  const info = ErrorInfo.decode(found('ErrorInfo') ?? new Uint8Array());
  const retry = found('RetryInfo');
  const delay = retry === undefined ? undefined : RetryInfo.decode(retry).retryDelay;
  return {
    code: error.code,
    details: error.details,
    violations: Object.fromEntries(
      badRequest.fieldViolations.map(({ field, description }) => [field, description]),
    ),
    reason: info.reason,
    info: info.metadata,
    retryAfterMs: delay && Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000,
  };
}
