import { randomUUID } from 'node:crypto';
import type {
  AuthorizeRequest,
  CommitRequest,
  ExtendRequest,
  ReleaseRequest,
  ReserveRequest,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import type {
  ExportDecisionsRequest,
  GetUsageRequest,
  ListViolationsRequest,
} from '../../src/gen/tollgate/v1/query_service.ts';
import type {
  ErasePersonRequest,
  GetPersonRecordsRequest,
} from '../../src/gen/tollgate/v1/record_service.ts';

// Requests as callers write them: every field may be left out, and without a request id a UUID is
// made.
export type AuthorizeInput = Parameters<typeof AuthorizeRequest.fromPartial>[0];
export type ReserveInput = Parameters<typeof ReserveRequest.fromPartial>[0];
export type CommitInput = Parameters<typeof CommitRequest.fromPartial>[0];
export type ReleaseInput = Parameters<typeof ReleaseRequest.fromPartial>[0];
export type ExtendInput = Parameters<typeof ExtendRequest.fromPartial>[0];
export type UsageQueryInput = Parameters<typeof GetUsageRequest.fromPartial>[0];
export type ExportInput = Parameters<typeof ExportDecisionsRequest.fromPartial>[0];
export type ErasureInput = Parameters<typeof ErasePersonRequest.fromPartial>[0];
export type PersonInput = Parameters<typeof GetPersonRecordsRequest.fromPartial>[0];
export type ViolationsInput = Parameters<typeof ListViolationsRequest.fromPartial>[0];

/** The id is made once, before the first try, so that every try carries the same. */
export function identified<T extends { requestId: string }>(request: T): T {
  return request.requestId === '' ? { ...request, requestId: randomUUID() } : request;
}
