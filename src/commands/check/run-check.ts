import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import type { ReserveVerdict, TollgateClient, Verdict } from '../../../clients/typescript/index.ts';
import {
  AuthorizeRequest,
  AuthorizeResponse,
  ReserveRequest,
  ReserveResponse,
} from '../../gen/tollgate/v1/decision_service.ts';
import { CommandFailed, type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { withClient } from '../sidecar.ts';
import { paintFor } from '../text/paint.ts';
import { type CallOptions, callOf } from './call-options.ts';
import { parseRequest, toProtoJson } from './proto-json.ts';
import { section, verdictLines } from './verdict-text.ts';

export interface CheckOptions extends CallOptions {
  readonly address?: string;
  readonly json?: true;
  readonly file?: string;
  readonly reserve?: true;
  readonly release?: true;
  readonly requestId?: string;
  readonly explain?: true;
  readonly minRevision?: bigint;
  readonly holdFor?: number;
  readonly authorizationToken?: string;
  readonly acceptPartial?: true;
  readonly timeout?: number;
}

/** Sends the request, prints the answer. 1 on a denial. */
export async function runCheck(options: CheckOptions, streams: Streams): Promise<ExitCode> {
  refuseContradictions(options);
  return withClient(options, async (client) => {
    const verdict = options.reserve
      ? await reserve(options, streams, client)
      : await authorize(options, streams, client);
    return verdict.effect === 'allow' ? 0 : 1;
  });
}

const OF_RESERVE = ['release', 'holdFor', 'acceptPartial', 'authorizationToken'] as const;

function refuseContradictions(options: CheckOptions): void {
  if (!options.reserve && OF_RESERVE.some((name) => options[name] !== undefined)) {
    throw new CommandFailed(
      '--release, --hold-for, --accept-partial and --authorization-token need --reserve.',
    );
  }
  if (options.file !== undefined) return;
  if (options.tenant === undefined || options.agent === undefined) {
    throw new CommandFailed(
      'Say which call: --tenant and --agent, or a whole request with --file.',
    );
  }
}

async function authorize(
  options: CheckOptions,
  streams: Streams,
  client: TollgateClient,
): Promise<Verdict> {
  const request = await requestOf(AuthorizeRequest, options, streams.stdin);
  const verdict = await client.authorize(request);
  const { decision, requestId } = verdict;
  if (options.json) {
    printJson(streams.stdout, toProtoJson(AuthorizeResponse.toJSON({ decision })));
    return verdict;
  }
  const paint = paintFor(streams.stdout);
  printLines(streams.stdout, verdictLines({ call: request.call, requestId, decision }, paint));
  return verdict;
}

async function reserve(
  options: CheckOptions,
  streams: Streams,
  client: TollgateClient,
): Promise<ReserveVerdict> {
  const request = await requestOf(ReserveRequest, options, streams.stdin);
  const verdict = await client.reserve(request);
  const { decision, reservation, requestId } = verdict;
  const given = reservation !== undefined && options.release === true;
  if (given) {
    const { reservationId } = reservation;
    const reason = 'a check, not a call';
    await client.release({ tenant: request.call?.tenant ?? '', reservationId, reason });
  }
  if (options.json) {
    printJson(streams.stdout, toProtoJson(ReserveResponse.toJSON({ decision, reservation })));
    return verdict;
  }
  const paint = paintFor(streams.stdout);
  printLines(streams.stdout, [
    ...verdictLines({ call: request.call, requestId, decision, reservation }, paint),
    ...(reservation === undefined ? [] : section('Afterwards', [afterwards(given)], paint)),
  ]);
  return verdict;
}

function afterwards(given: boolean): string {
  return given
    ? 'The hold was given back.'
    : 'The hold stays and counts as spent when it expires; --release gives it back at once.';
}

/** The request of the file, or of the options; options of the request itself win over the file. */
async function requestOf<T extends AuthorizeRequest | ReserveRequest>(
  message: { fromJSON(json: unknown): T; toJSON(request: T): unknown; create(): T },
  options: CheckOptions,
  stdin: Readable,
): Promise<T> {
  const base =
    options.file === undefined
      ? { ...message.create(), call: callOf(options) }
      : parseRequest(message, await readRequestFile(options.file, stdin));
  const { requestId, explain, minRevision, holdFor, acceptPartial, authorizationToken } = options;
  return {
    ...base,
    ...(requestId !== undefined && { requestId }),
    ...(explain !== undefined && { explain }),
    ...(minRevision !== undefined && { minRevision }),
    ...(holdFor !== undefined && { holdFor: durationOf(holdFor) }),
    ...(acceptPartial !== undefined && { acceptPartial }),
    ...(authorizationToken !== undefined && { authorizationToken }),
  };
}

async function readRequestFile(path: string, stdin: Readable): Promise<string> {
  if (path === '-') return readAll(stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandFailed(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function durationOf(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}
