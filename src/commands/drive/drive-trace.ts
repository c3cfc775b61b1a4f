import type { TollgateClient } from '../../../clients/typescript/index.ts';
import { type Call, Complexity, Outcome } from '../../gen/tollgate/v1/call.ts';
import type { Tally } from './tally.ts';
import type { TraceRow } from './trace-file.ts';

/** Who makes the calls of a run, and under which ids. */
export interface DrivePlan {
  readonly runId: string;
  readonly tenant: string;
  readonly agent: string;
  readonly team: string;
  readonly model: string;
  /** Calls are spread over this many users; 0 means anonymous. */
  readonly userPool: number;
  /** Calls in flight at once. */
  readonly concurrency: number;
}

/**
 * Reserves and commits every row, a bounded number at once. Request ids follow from the run id and
 * the row, and nothing in a request depends on when it is sent, so that driving a run again has no
 * second effect.
 * @throws the first error, after every call in flight has been settled
 */
export async function driveTrace(
  client: TollgateClient,
  rows: AsyncGenerator<TraceRow>,
  plan: DrivePlan,
  tally: Tally,
): Promise<void> {
  let failed = false;
  const work = async () => {
    for await (const row of shared(rows)) {
      if (failed) return;
      try {
        await driveRow(client, row, plan, tally);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: plan.concurrency }, work));
  await rows.return(undefined);
  const first = ended.find((one) => one.status === 'rejected');
  if (first !== undefined) throw first.reason;
}

/** One worker's share of the rows. A worker that stops does not close the rows for the others. */
function shared(rows: AsyncGenerator<TraceRow>): AsyncIterable<TraceRow> {
  return { [Symbol.asyncIterator]: () => ({ next: () => rows.next() }) };
}

async function driveRow(
  client: TollgateClient,
  row: TraceRow,
  plan: DrivePlan,
  tally: Tally,
): Promise<void> {
  const id = `${plan.runId}.${row.index}`;
  const askedMs = performance.now();
  const verdict = await client.reserve({ requestId: `${id}.reserve`, call: callOf(row, plan) });
  tally.decided(verdict, performance.now() - askedMs);

  const { reservation, effect } = verdict;
  if (effect === 'deny' || reservation === undefined) return;
  const { reservationId, heldMicroUsd } = reservation;
  const settlingMs = performance.now();
  const answer = await client.commit({
    requestId: `${id}.commit`,
    tenant: plan.tenant,
    reservationId,
    usage: { inputTokens: row.inputTokens, outputTokens: row.outputTokens },
    outcome: Outcome.SUCCESS,
  });
  tally.settled(answer, { heldMicroUsd, tookMs: performance.now() - settlingMs });
}

/** How many tokens a model will answer is not known beforehand, so only the input is estimated. */
function callOf(row: TraceRow, plan: DrivePlan): Partial<Call> {
  const user = plan.userPool === 0 ? '' : `user-${row.index % plan.userPool}`;
  return {
    tenant: plan.tenant,
    agent: plan.agent,
    principal: {
      user,
      team: plan.team,
      roles: [],
      externalUserId: '',
      email: '',
      name: '',
      session: '',
      consent: '',
      system: '',
    },
    estimate: {
      inputTokens: row.inputTokens,
      complexity: Complexity.STANDARD,
      model: plan.model,
    },
  };
}
