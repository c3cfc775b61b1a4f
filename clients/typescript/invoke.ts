import { randomUUID } from 'node:crypto';
import { Outcome, type Usage } from '../../src/gen/tollgate/v1/call.ts';
import {
  CommitRequest,
  type CommitResponse,
  type Reservation,
} from '../../src/gen/tollgate/v1/decision_service.ts';
import type { RequestOptions } from './channel.ts';
import { TollgateError } from './errors.ts';
import type { CommitInput, ReleaseInput, ReserveInput } from './requests.ts';
import type { ReserveVerdict } from './verdict.ts';

/**
 * What an invocation used; a field that is left out is 0, and a cost left out is priced by the
 * server.
 */
export type UsageInput = Partial<Usage>;

/** What the function that makes the call is given. */
export interface Invocation {
  readonly verdict: ReserveVerdict;
  /**
   * Says what was used so far, replacing what was said before; it is settled also when the call
   * fails. When nothing is said, one invocation priced with no tokens is settled.
   */
  use(usage: UsageInput): void;
}

/** Throw this from the function when the agent was never called: the hold is given back in full. */
export class NotDispatched extends Error {
  override readonly name = 'NotDispatched';
}

/** How an invocation was settled. */
export type SettlementResult =
  | { readonly kind: 'settled'; readonly response: CommitResponse }
  /** The call passed uncharged: there was no hold. */
  | { readonly kind: 'nothing held' }
  /**
   * The settlement was not answered. The hold expires as spent at its estimate; sending `request`
   * again, also later, corrects it.
   */
  | { readonly kind: 'unsettled'; readonly request: CommitRequest; readonly error: TollgateError };

export type InvokeResult<T> =
  | { readonly kind: 'denied'; readonly verdict: ReserveVerdict }
  | {
      readonly kind: 'done';
      readonly value: T;
      readonly verdict: ReserveVerdict;
      readonly settlement: SettlementResult;
    };

/** The call failed and its settlement was not answered either. `cause` is what the call threw. */
export class InvocationUnsettled extends Error {
  override readonly name = 'InvocationUnsettled';
  /** Sending it again, also later, settles the call. */
  readonly request: CommitRequest;
  readonly settlementError: TollgateError;

  constructor(cause: unknown, request: CommitRequest, settlementError: TollgateError) {
    super(`the call failed, and settling it too: ${settlementError.message}`, { cause });
    this.request = request;
    this.settlementError = settlementError;
  }
}

/** What an invocation asks of the client. */
interface Requests {
  reserve(input: ReserveInput, options: RequestOptions): Promise<ReserveVerdict>;
  commit(input: CommitInput): Promise<CommitResponse>;
  release(input: ReleaseInput): Promise<unknown>;
}

/** How the call ended, and what it brought. */
type Ending<T> =
  | { readonly outcome: typeof Outcome.SUCCESS; readonly value: T }
  | { readonly outcome: Outcome; readonly error: unknown };

/** Reserves, makes the call, settles; see TollgateClient.invoke. */
export async function invoke<T>(
  client: Requests,
  input: ReserveInput,
  make: (invocation: Invocation) => Promise<T>,
  options: RequestOptions,
): Promise<InvokeResult<T>> {
  const verdict = await client.reserve(input, options);
  const hold = { tenant: input.call?.tenant ?? '', reservation: verdict.reservation };
  if (!verdict.allowed) {
    const unknown = verdict.unknownObligations.map(({ name }) => name).join(', ');
    await giveBack(client, hold, `unknown obligation: ${unknown}`);
    return { kind: 'denied', verdict };
  }

  let usage: UsageInput = {};
  const startedMs = performance.now();
  const ending = await endingOf(() => make({ verdict, use: (used) => void (usage = used) }));
  if ('error' in ending && ending.error instanceof NotDispatched) {
    await giveBack(client, hold, errorText(ending.error));
    throw ending.error;
  }
  const settlement = await settle(client, hold, {
    usage,
    outcome: ending.outcome,
    durationMs: performance.now() - startedMs,
    errorMessage: 'error' in ending ? errorText(ending.error) : '',
  });
  if (!('error' in ending)) return { kind: 'done', value: ending.value, verdict, settlement };
  if (settlement.kind !== 'unsettled') throw ending.error;
  throw new InvocationUnsettled(ending.error, settlement.request, settlement.error);
}

async function endingOf<T>(make: () => Promise<T>): Promise<Ending<T>> {
  try {
    return { outcome: Outcome.SUCCESS, value: await make() };
  } catch (error) {
    return { outcome: outcomeOfError(error), error };
  }
}

/** By the names that the platform gives to errors of time-outs and cancellations. */
function outcomeOfError(error: unknown): Outcome {
  if (!(error instanceof Error)) return Outcome.ERROR;
  if (error.name === 'TimeoutError') return Outcome.TIMEOUT;
  if (error.name === 'AbortError') return Outcome.CANCELLED;
  return Outcome.ERROR;
}

interface Hold {
  readonly tenant: string;
  readonly reservation: Reservation | undefined;
}

interface Ended {
  readonly usage: UsageInput;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly errorMessage: string;
}

/** Not bound to the caller's signal: what was spent is spent. */
async function settle(
  client: Requests,
  { tenant, reservation }: Hold,
  { durationMs, ...ended }: Ended,
): Promise<SettlementResult> {
  if (reservation === undefined) return { kind: 'nothing held' };
  const request = CommitRequest.fromPartial({
    ...ended,
    requestId: randomUUID(),
    tenant,
    reservationId: reservation.reservationId,
    duration: durationOf(durationMs),
  });
  try {
    return { kind: 'settled', response: await client.commit(request) };
  } catch (error) {
    if (!(error instanceof TollgateError)) throw error;
    return { kind: 'unsettled', request, error };
  }
}

async function giveBack(
  client: Requests,
  { tenant, reservation }: Hold,
  reason: string,
): Promise<void> {
  if (reservation === undefined) return;
  await client.release({ tenant, reservationId: reservation.reservationId, reason });
}

/** Bound of the contract for `error_message` and `reason`. */
const MAX_TEXT_CHARACTERS = 1_024;

function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, MAX_TEXT_CHARACTERS).toWellFormed();
}

function durationOf(ms: number): { seconds: bigint; nanos: number } {
  const wholeMs = Math.round(ms);
  return { seconds: BigInt(Math.floor(wholeMs / 1000)), nanos: (wholeMs % 1000) * 1_000_000 };
}
