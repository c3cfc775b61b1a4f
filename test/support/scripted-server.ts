import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { Duration } from '../../src/gen/google/protobuf/duration.ts';
import { BadRequest, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import {
  AuthorizeResponse,
  CommitResponse,
  DecisionServiceService,
  ExtendResponse,
  ReleaseResponse,
  ReserveResponse,
  type AuthorizeRequest,
  type CommitRequest,
  type ExtendRequest,
  type ReleaseRequest,
  type ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import {
  GetBudgetStatusResponse,
  GetStatusResponse,
  QueryServiceService,
  type GetBudgetStatusRequest,
  type GetStatusRequest,
} from '../../src/gen/tollgate/v1/query_service.ts';

/** Instead of an answer: the gRPC error that the caller gets. */
export class Refuse extends Error {
  readonly code: status;
  readonly details: Status['details'];

  constructor(code: status, message: string, details: Status['details'] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Never answers: what a frozen server does. */
export const SILENCE = Symbol('silence');

type Answer<Response> = Response | Refuse | typeof SILENCE;

/** Answers a request; `nth` counts the requests to this method from 1. */
type Script<Request, Response> = (request: Request, nth: number) => Answer<Partial<Response>>;

export interface Scripts {
  readonly authorize?: Script<AuthorizeRequest, AuthorizeResponse>;
  readonly reserve?: Script<ReserveRequest, ReserveResponse>;
  readonly commit?: Script<CommitRequest, CommitResponse>;
  readonly release?: Script<ReleaseRequest, ReleaseResponse>;
  readonly extend?: Script<ExtendRequest, ExtendResponse>;
  readonly getStatus?: Script<GetStatusRequest, GetStatusResponse>;
  readonly getBudgetStatus?: Script<GetBudgetStatusRequest, GetBudgetStatusResponse>;
}

/** What arrived, by method, in order of arrival. */
export interface Received {
  readonly authorize: AuthorizeRequest[];
  readonly reserve: ReserveRequest[];
  readonly commit: CommitRequest[];
  readonly release: ReleaseRequest[];
  readonly extend: ExtendRequest[];
  readonly getStatus: GetStatusRequest[];
  readonly getBudgetStatus: GetBudgetStatusRequest[];
}

export interface ScriptedServer extends AsyncDisposable {
  readonly address: string;
  readonly received: Received;
}

/**
 * A real gRPC server on a unix socket that answers what the test says: for failures no real sidecar
 * can be asked for.
 */
export async function startScriptedServer(scripts: Scripts): Promise<ScriptedServer> {
  const directory = await mkdtemp(join(tmpdir(), 'tollgate-scripted-'));
  const received: Received = {
    authorize: [],
    reserve: [],
    commit: [],
    release: [],
    extend: [],
    getStatus: [],
    getBudgetStatus: [],
  };
  const server = new Server();
  server.addService(DecisionServiceService, {
    authorize: play(AuthorizeResponse, scripts.authorize, received.authorize),
    reserve: play(ReserveResponse, scripts.reserve, received.reserve),
    commit: play(CommitResponse, scripts.commit, received.commit),
    release: play(ReleaseResponse, scripts.release, received.release),
    extend: play(ExtendResponse, scripts.extend, received.extend),
  });
  server.addService(QueryServiceService, {
    getStatus: play(GetStatusResponse, scripts.getStatus, received.getStatus),
    getBudgetStatus: play(
      GetBudgetStatusResponse,
      scripts.getBudgetStatus,
      received.getBudgetStatus,
    ),
  });
  const address = `unix:${join(directory, 'socket')}`;
  await listen(server, address);
  return {
    address,
    received,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Details of an INVALID_ARGUMENT. */
export function badRequest(field: string, description: string): Status['details'] {
  const value = BadRequest.encode({ fieldViolations: [{ field, description }] }).finish();
  return [{ typeUrl: 'type.googleapis.com/google.rpc.BadRequest', value: Buffer.from(value) }];
}

/** Details of an answer that may be asked for again after a while. */
export function retryInfo(delayMs: number): Status['details'] {
  const retryDelay = Duration.fromPartial({ nanos: delayMs * 1_000_000 });
  const value = RetryInfo.encode({ retryDelay }).finish();
  return [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: Buffer.from(value) }];
}

function play<Request, Response>(
  message: { fromPartial(partial: Partial<Response>): Response },
  script: Script<Request, Response> | undefined,
  received: Request[],
): handleUnaryCall<Request, Response> {
  return ({ request }, callback) => {
    received.push(request);
    const answer = script?.(request, received.length) ?? unscripted();
    if (answer === SILENCE) return;
    if (answer instanceof Refuse) callback(serviceError(answer));
    else callback(null, message.fromPartial(answer));
  };
}

function unscripted(): Refuse {
  return new Refuse(status.UNIMPLEMENTED, 'the test has no script for this method');
}

function serviceError({ code, message, details }: Refuse): ServiceError {
  const metadata = new Metadata();
  if (details.length > 0) {
    const encoded = Status.encode({ code, message, details }).finish();
    metadata.set('grpc-status-details-bin', Buffer.from(encoded));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
