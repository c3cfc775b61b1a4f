import { randomUUID } from 'node:crypto';
import { type TollgateClient, TollgateError } from '../../../clients/typescript/index.ts';
import type { BudgetStatus } from '../../gen/tollgate/v1/verdict.ts';
import { CommandFailed, type ExitCode, printLines, type Streams } from '../context.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { paintFor } from '../text/paint.ts';
import { type DrivePlan, driveTrace } from './drive-trace.ts';
import { showProgress } from './progress.ts';
import { closingLine, summaryLines, totalsOf } from './summary.ts';
import { Tally } from './tally.ts';
import { countRows, readTrace, type TraceRow } from './trace-file.ts';

export interface DriveOptions extends SidecarOptions {
  readonly trace: string;
  readonly tenant: string;
  readonly agent: string;
  readonly team?: string;
  readonly model: string;
  readonly userPool: number;
  readonly concurrency: number;
  readonly limit?: number;
  readonly runId?: string;
  readonly json?: true;
}

/**
 * Drives a trace through a sidecar and prints what the ledger has afterwards. Denials are not a
 * failure.
 */
export async function runDrive(options: DriveOptions, streams: Streams): Promise<ExitCode> {
  const { trace, limit = Number.POSITIVE_INFINITY } = options;
  const total = Math.min(await countRows(trace), limit);
  const plan: DrivePlan = {
    ...options,
    team: options.team ?? '',
    runId: options.runId ?? randomUUID(),
  };
  return withClient(options, async (client) => {
    const tally = new Tally();
    const startedMs = performance.now();
    const stopProgress = showProgress(streams.stderr, tally, total);
    try {
      await driveTrace(client, first(readTrace(trace), total), plan, tally);
    } catch (error) {
      throw interrupted(error, plan.runId, tally);
    } finally {
      stopProgress();
    }
    const elapsedMs = performance.now() - startedMs;
    await printResult(client, { options, plan, tally, elapsedMs, streams });
    return 0 as const;
  });
}

async function* first(rows: AsyncGenerator<TraceRow>, most: number): AsyncGenerator<TraceRow> {
  for await (const row of rows) {
    if (row.index >= most) return;
    yield row;
  }
}

function interrupted(error: unknown, runId: string, { calls }: Tally): unknown {
  if (!(error instanceof TollgateError)) return error;
  return new CommandFailed(
    `The run stopped after ${calls} calls: ${error.message}\n` +
      `Drive it again with --run-id ${runId}: what is charged already is not charged again.`,
  );
}

interface Result {
  readonly options: DriveOptions;
  readonly plan: DrivePlan;
  readonly tally: Tally;
  readonly elapsedMs: number;
  readonly streams: Streams;
}

async function printResult(client: TollgateClient, result: Result): Promise<void> {
  const { options, plan, tally, elapsedMs, streams } = result;
  const accounts = await accountsOf(client, plan.tenant, streams);
  const totals = totalsOf(tally, plan.tenant, accounts);
  // With --json, standard output holds the closing line and nothing else.
  const stream = options.json ? streams.stderr : streams.stdout;
  const summary = { totals, tally, accounts, elapsedMs, runId: plan.runId };
  printLines(stream, summaryLines(summary, paintFor(stream)));
  if (options.json) printLines(streams.stdout, [closingLine(totals)]);
}

/** Without them the amounts are those that the ledger answered to each Commit. */
async function accountsOf(
  client: TollgateClient,
  tenant: string,
  { stderr }: Streams,
): Promise<BudgetStatus[]> {
  try {
    return await client.budgetStatus(tenant);
  } catch (error) {
    if (!(error instanceof TollgateError)) throw error;
    printLines(stderr, [`The accounts cannot be read now: ${error.message}`]);
    return [];
  }
}
