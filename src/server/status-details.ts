import { Metadata, type status } from '@grpc/grpc-js';
import type { Any } from '../gen/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../gen/google/rpc/error_details.ts';
import { Status } from '../gen/google/rpc/status.ts';
import type { Violation } from './fields.ts';
import { durationOf } from './write-time.ts';

/** Where google.rpc.Status travels, as every gRPC client library expects it. */
const DETAILS_KEY = 'grpc-status-details-bin';

/** Says whose reasons ErrorInfo holds. */
const DOMAIN = 'tollgate';

/** What a call that is not answered ends with; the callback of grpc-js takes it as it is. */
export class CallFailure {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;

  constructor(code: status, text: string, details: readonly Any[]) {
    this.code = code;
    this.details = text;
    this.metadata = new Metadata();
    if (details.length === 0) return;
    const packed = Status.encode({ code, message: text, details: [...details] }).finish();
    this.metadata.set(DETAILS_KEY, Buffer.from(packed));
  }
}

/** A constant that a program can compare, with what it may need to go on. */
export function errorInfo(reason: string, metadata: Readonly<Record<string, string>> = {}): Any {
  return pack('google.rpc.ErrorInfo', ErrorInfo.encode({ reason, domain: DOMAIN, metadata }));
}

/** Which fields are wrong. */
export function badRequest(violations: readonly Violation[]): Any {
  const fieldViolations = violations.map(({ field, description }) => ({ field, description }));
  return pack('google.rpc.BadRequest', BadRequest.encode({ fieldViolations }));
}

/** When to try again. */
export function retryInfo(afterMs: number): Any {
  return pack('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: durationOf(afterMs) }));
}

function pack(type: string, message: { finish(): Uint8Array<ArrayBuffer> }): Any {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(message.finish()) };
}
