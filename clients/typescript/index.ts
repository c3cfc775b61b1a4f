export { TollgateClient } from './client.ts';
export type { TollgateClientOptions } from './client.ts';
export type { RequestOptions } from './channel.ts';
export { TollgateError } from './errors.ts';
export type { FieldViolation, StatusName } from './errors.ts';
export { InvocationUnsettled, NotDispatched } from './invoke.ts';
export type { Invocation, InvokeResult, SettlementResult, UsageInput } from './invoke.ts';
export type { RetryPolicy } from './retry.ts';
export type {
  AuthorizeInput,
  CommitInput,
  ExportInput,
  ExtendInput,
  ReleaseInput,
  ReserveInput,
  UsageQueryInput,
  ViolationsInput,
} from './requests.ts';
export { UsageBucket, UsageDimension } from '../../src/gen/tollgate/v1/query_service.ts';
export type { ReserveVerdict, Verdict } from './verdict.ts';
export { Complexity, Outcome } from '../../src/gen/tollgate/v1/call.ts';
export { ReservationState } from '../../src/gen/tollgate/v1/decision_service.ts';
export { Effect, Truth } from '../../src/gen/tollgate/v1/verdict.ts';
