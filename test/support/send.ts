import type { ServiceError } from '@grpc/grpc-js';
import {
  type AuthorizeResponse,
  type CommitResponse,
  type ExtendResponse,
  type ReleaseResponse,
  type ReserveResponse,
  AuthorizeRequest,
  CommitRequest,
  ExtendRequest,
  ReleaseRequest,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import type { Stack } from './stack.ts';

type Reply<T> = (error: ServiceError | null, answer: T) => void;

function answered<T>(send: (reply: Reply<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    send((error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** The five calls of the contract, exactly once each: no retry hides what a server does. */
export const send = {
  authorize: ({ decisions }: Stack, request: Parameters<typeof AuthorizeRequest.fromPartial>[0]) =>
    answered<AuthorizeResponse>((reply) =>
      decisions.authorize(AuthorizeRequest.fromPartial(request), reply),
    ),
  reserve: ({ decisions }: Stack, request: Parameters<typeof ReserveRequest.fromPartial>[0]) =>
    answered<ReserveResponse>((reply) =>
      decisions.reserve(ReserveRequest.fromPartial(request), reply),
    ),
  commit: ({ decisions }: Stack, request: Parameters<typeof CommitRequest.fromPartial>[0]) =>
    answered<CommitResponse>((reply) =>
      decisions.commit(CommitRequest.fromPartial(request), reply),
    ),
  release: ({ decisions }: Stack, request: Parameters<typeof ReleaseRequest.fromPartial>[0]) =>
    answered<ReleaseResponse>((reply) =>
      decisions.release(ReleaseRequest.fromPartial(request), reply),
    ),
  extend: ({ decisions }: Stack, request: Parameters<typeof ExtendRequest.fromPartial>[0]) =>
    answered<ExtendResponse>((reply) =>
      decisions.extend(ExtendRequest.fromPartial(request), reply),
    ),
};
