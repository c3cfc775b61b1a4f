import type { Call } from '../../decision/call.ts';
import type { AskedEvent, ReplayEvent } from '../../replay/replay-event.ts';
import { readTracePages, type TraceRow } from '../drive/trace-file.ts';

/** Who makes the calls of a trace. */
export interface TracePlan {
  readonly tenant: string;
  readonly agent: string;
  readonly team: string;
  readonly model: string;
  /** Calls are spread over this many users; 0 means anonymous. */
  readonly userPool: number;
}

/** Which rows of a trace: those that were made in this time. */
export interface TraceRange {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

/** Longer than a call in a trace lasts: it ends as soon as it was made. */
const HOLD_MS = 60_000;

/**
 * The calls of a trace as `drive` sends them, each when it was made: reserved at the estimate of its
 * input, then committed with the tokens of its row.
 * @throws CommandFailed naming the line and the column that cannot be read
 */
export async function* traceEvents(
  path: string,
  plan: TracePlan,
  { fromMs, toMs }: TraceRange,
): AsyncGenerator<Iterable<ReplayEvent>> {
  for await (const rows of readTracePages(path, { timed: true })) {
    yield events(
      rows.filter(({ atMs }) => atMs >= fromMs && atMs < toMs),
      plan,
    );
  }
}

/** One after the other, as they are used: a piece of a file has thousands. */
function* events(rows: readonly TraceRow[], plan: TracePlan): Generator<ReplayEvent> {
  for (const row of rows) yield eventOf(row, plan);
}

function eventOf(
  { index, inputTokens, outputTokens, atMs }: TraceRow,
  plan: TracePlan,
): AskedEvent {
  const id = `row ${index + 1}`;
  return {
    kind: 'asked',
    operation: 'reserve',
    id,
    requestId: id,
    call: callOf(index, inputTokens, plan),
    decidedAtMs: atMs,
    heldAtMs: atMs,
    holdForMs: HOLD_MS,
    acceptPartial: false,
    authorizedBy: '',
    reservationId: '',
    before: undefined,
    usage: { costMicroUsd: undefined, inputTokens, outputTokens, model: '' },
  };
}

/** How many tokens a model will answer is not known beforehand, so only the input is estimated. */
function callOf(index: number, inputTokens: bigint, plan: TracePlan): Call {
  const { tenant, agent, team, model, userPool } = plan;
  return {
    tenant,
    agent,
    agentVersion: '',
    user: userPool === 0 ? '' : `user-${index % userPool}`,
    team,
    roles: [],
    system: '',
    environment: '',
    country: '',
    sourceIp: '',
    dataClassification: [],
    attributes: {},
    estimate: {
      costMicroUsd: undefined,
      inputTokens,
      outputTokens: 0n,
      complexity: 'standard',
      model,
    },
    parentTraceId: '',
    consent: '',
    personal: NOBODY,
  };
}

const NOBODY = { externalUserId: '', email: '', name: '', session: '' };
