import type {
  AuthorizeCommand,
  CallUsage,
  CommitCommand,
  ExtendCommand,
  Outcome,
  ReleaseCommand,
  ReserveCommand,
} from '../decision/call.ts';
import * as callWire from '../gen/tollgate/v1/call.ts';
import type * as wire from '../gen/tollgate/v1/decision_service.ts';
import {
  MAX_ID_CHARS,
  readAmount,
  readDuration,
  readId,
  readProse,
  readText,
  type Violation,
} from './fields.ts';
import { canonicalCall, canonicalText, fingerprintOf } from './fingerprint.ts';
import { MAX_COST_MICRO_USD, MAX_TOKENS, readCall } from './read-call.ts';

/**
 * Requests of the DecisionService to commands. Every function checks every field, adds what is
 * wrong to `found`, and answers undefined exactly when something is.
 */

const DEFAULT_HOLD_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
const HOLD_BOUNDS = { leastMs: 1, mostMs: DAY_MS };
/** Longer than any call lives; keeps a mistaken unit out of the record. */
const CALL_BOUNDS = { leastMs: 0, mostMs: 30 * DAY_MS };
const MAX_PROSE_CHARS = 1_024;
/** Room for a signed token of this program with long ids in it. */
const MAX_TOKEN_CHARS = 2_048;
/** The largest int64. */
const MAX_REVISION = 2n ** 63n - 1n;

const OUTCOME: Readonly<Record<callWire.Outcome, Outcome | undefined>> = {
  [callWire.Outcome.UNSPECIFIED]: undefined,
  [callWire.Outcome.SUCCESS]: 'success',
  [callWire.Outcome.ERROR]: 'error',
  [callWire.Outcome.TIMEOUT]: 'timeout',
  [callWire.Outcome.CANCELLED]: 'cancelled',
};

export function readAuthorize(
  found: Violation[],
  request: wire.AuthorizeRequest,
  traceId: string,
): AuthorizeCommand | undefined {
  const requestId = readId(found, 'request_id', request.requestId);
  const read = readCall(found, request.call);
  readAmount(found, 'min_revision', request.minRevision, MAX_REVISION);
  if (read === undefined || found.length > 0) return undefined;
  const { explain, minRevision } = request;
  const canonical = `authorize\n${explain}\n${minRevision}\n${canonicalCall(read)}`;
  const { call } = read;
  const fingerprint = fingerprintOf(canonical);
  return { tenant: call.tenant, requestId, fingerprint, traceId, call, explain, minRevision };
}

export function readReserve(
  found: Violation[],
  request: wire.ReserveRequest,
  traceId: string,
): ReserveCommand | undefined {
  const requestId = readId(found, 'request_id', request.requestId);
  const read = readCall(found, request.call);
  const holdForMs =
    readDuration(found, 'hold_for', request.holdFor, HOLD_BOUNDS) ?? DEFAULT_HOLD_MS;
  const { authorizationToken: token, acceptPartial, explain, minRevision } = request;
  readText(found, 'authorization_token', token, MAX_TOKEN_CHARS);
  readAmount(found, 'min_revision', minRevision, MAX_REVISION);
  if (read === undefined || found.length > 0) return undefined;
  const asked = `${holdForMs}\n${token}\n${acceptPartial}\n${explain}\n${minRevision}`;
  return {
    tenant: read.call.tenant,
    requestId,
    fingerprint: fingerprintOf(`reserve\n${asked}\n${canonicalCall(read)}`),
    traceId,
    call: read.call,
    explain,
    minRevision,
    holdForMs,
    authorizationToken: token,
    acceptPartial,
  };
}

export function readCommit(
  found: Violation[],
  request: wire.CommitRequest,
  traceId: string,
): CommitCommand | undefined {
  const ids = readSettlementIds(found, request);
  const usage = readUsage(found, request.usage);
  const outcome = readOutcome(found, request.outcome);
  const durationMs = readDuration(found, 'duration', request.duration, CALL_BOUNDS);
  const errorMessage = readProse(found, 'error_message', request.errorMessage, MAX_PROSE_CHARS);
  if (usage === undefined || outcome === undefined || found.length > 0) return undefined;
  const fingerprint = fingerprintOf(
    canonicalText(
      'commit',
      ids.tenant,
      ids.reservationId,
      usage.costMicroUsd ?? '',
      usage.inputTokens,
      usage.outputTokens,
      usage.model,
      outcome,
      durationMs ?? '',
      errorMessage,
    ),
  );
  return { ...ids, fingerprint, traceId, usage, outcome, durationMs, errorMessage };
}

export function readRelease(
  found: Violation[],
  request: wire.ReleaseRequest,
  traceId: string,
): ReleaseCommand | undefined {
  const ids = readSettlementIds(found, request);
  const reason = readProse(found, 'reason', request.reason, MAX_PROSE_CHARS);
  if (found.length > 0) return undefined;
  const canonical = canonicalText('release', ids.tenant, ids.reservationId, reason);
  return { ...ids, fingerprint: fingerprintOf(canonical), traceId, reason };
}

export function readExtend(
  found: Violation[],
  request: wire.ExtendRequest,
  traceId: string,
): ExtendCommand | undefined {
  const ids = readSettlementIds(found, request);
  const { addCostMicroUsd: cost, addInputTokens: input, addOutputTokens: output } = request;
  const add = {
    costMicroUsd: readAmount(found, 'add_cost_micro_usd', cost, MAX_COST_MICRO_USD) ?? 0n,
    inputTokens: readAmount(found, 'add_input_tokens', input, MAX_TOKENS) ?? 0n,
    outputTokens: readAmount(found, 'add_output_tokens', output, MAX_TOKENS) ?? 0n,
    invocations: 0n,
  };
  const holdForMs = readDuration(found, 'hold_for', request.holdFor, HOLD_BOUNDS);
  if (found.length > 0) return undefined;
  const canonical = canonicalText(
    'extend',
    ids.tenant,
    ids.reservationId,
    add.costMicroUsd,
    add.inputTokens,
    add.outputTokens,
    holdForMs ?? '',
  );
  return { ...ids, fingerprint: fingerprintOf(canonical), traceId, add, holdForMs };
}

interface SettlementIds {
  readonly requestId: string;
  readonly tenant: string;
  readonly reservationId: string;
}

function readSettlementIds(found: Violation[], request: SettlementIds): SettlementIds {
  return {
    requestId: readId(found, 'request_id', request.requestId),
    tenant: readId(found, 'tenant', request.tenant),
    reservationId: readId(found, 'reservation_id', request.reservationId),
  };
}

function readUsage(found: Violation[], sent: callWire.Usage | undefined): CallUsage | undefined {
  if (sent === undefined) {
    found.push({ field: 'usage', description: 'is required' });
    return undefined;
  }
  const cost = sent.costMicroUsd;
  return {
    costMicroUsd: readAmount(found, 'usage.cost_micro_usd', cost, MAX_COST_MICRO_USD),
    inputTokens: readAmount(found, 'usage.input_tokens', sent.inputTokens, MAX_TOKENS) ?? 0n,
    outputTokens: readAmount(found, 'usage.output_tokens', sent.outputTokens, MAX_TOKENS) ?? 0n,
    model: readText(found, 'usage.model', sent.model, MAX_ID_CHARS),
  };
}

function readOutcome(found: Violation[], sent: callWire.Outcome): Outcome | undefined {
  const outcome = OUTCOME[sent];
  if (outcome === undefined) {
    const description = sent === 0 ? 'is required' : 'must be a known outcome';
    found.push({ field: 'outcome', description });
  }
  return outcome;
}
