import { type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Any } from '../../src/gen/google/protobuf/any.ts';
import type { Duration } from '../../src/gen/google/protobuf/duration.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';

/** Name of a gRPC status, for example "INVALID_ARGUMENT". */
export type StatusName = keyof typeof status;

/** One wrong field of a request, for example `call.estimate.input_tokens`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

interface ErrorDetails {
  readonly fieldViolations: readonly FieldViolation[];
  /** How long the server asks to wait before a repeat. Undefined when it did not say. */
  readonly retryDelayMs: number | undefined;
  /** Constant of google.rpc.ErrorInfo that a program can compare. Empty when there is none. */
  readonly reason: string;
}

/**
 * A request that was not answered with a decision. A denial is not one of these.
 * `cause` is the error of grpc-js.
 */
export class TollgateError extends Error implements ErrorDetails {
  override readonly name = 'TollgateError';
  readonly code: StatusName;
  readonly fieldViolations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;
  readonly reason: string;
  /** Id of the request. Repeating the request under it is safe. Empty for queries. */
  readonly requestId: string;
  /** How often it was sent. */
  readonly attempts: number;

  constructor(cause: ServiceError, request: { requestId: string; attempts: number }) {
    const code = statusName(cause.code);
    const details = decodeDetails(cause.metadata);
    super(messageOf(code, cause.details, details.fieldViolations), { cause });
    this.code = code;
    this.fieldViolations = details.fieldViolations;
    this.retryDelayMs = details.retryDelayMs;
    this.reason = details.reason;
    this.requestId = request.requestId;
    this.attempts = request.attempts;
  }
}

const STATUS_NAMES = Object.keys(status) as StatusName[];

function statusName(code: status): StatusName {
  return STATUS_NAMES.find((name) => status[name] === code) ?? 'UNKNOWN';
}

function messageOf(
  code: StatusName,
  details: string,
  violations: readonly FieldViolation[],
): string {
  const fields = violations.map(({ field, description }) => `${field}: ${description}`);
  return [`${code}: ${details}`, ...fields].join('\n  ');
}

/** Where gRPC puts a serialized google.rpc.Status. */
const DETAILS_KEY = 'grpc-status-details-bin';

const NO_DETAILS: ErrorDetails = { fieldViolations: [], retryDelayMs: undefined, reason: '' };

/** Details that cannot be read are absent: the status still counts. */
function decodeDetails(metadata: Metadata | undefined): ErrorDetails {
  const [bytes] = metadata?.get(DETAILS_KEY) ?? [];
  if (!Buffer.isBuffer(bytes)) return NO_DETAILS;
  try {
    return Status.decode(bytes).details.reduce(withDetail, NO_DETAILS);
  } catch {
    return NO_DETAILS;
  }
}

function withDetail(details: ErrorDetails, { typeUrl, value }: Any): ErrorDetails {
  switch (typeUrl) {
    case 'type.googleapis.com/google.rpc.BadRequest':
      return { ...details, fieldViolations: BadRequest.decode(value).fieldViolations };
    case 'type.googleapis.com/google.rpc.RetryInfo':
      return { ...details, retryDelayMs: durationMs(RetryInfo.decode(value).retryDelay) };
    case 'type.googleapis.com/google.rpc.ErrorInfo':
      return { ...details, reason: ErrorInfo.decode(value).reason };
    default:
      return details;
  }
}

function durationMs(duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1e6);
}
