import { finishHold } from '../src/decision/finish.ts';
import type { BudgetLedger } from '../src/decision/ports.ts';
import type { GroupCommitSettings } from '../src/stores/postgres/group-commit.ts';
import type { LedgerStores } from '../src/stores/postgres/ledger-stores.ts';
import { openPostgres } from '../src/stores/postgres/open-postgres.ts';
import { commitRequest, holdRequest } from './ledger-calls.ts';

export interface StoresOptions {
  readonly url: string;
  readonly poolSize?: number;
  readonly groupCommit?: Partial<GroupCommitSettings>;
}

export interface RoundOptions {
  readonly callers: number;
  /** Calls are made and counted as cycles, but not measured. */
  readonly warmMs: number;
  readonly measureMs: number;
}

export interface RoundResult {
  /** Finished, warming up and running out included. */
  readonly cycles: number;
  /** User and system time of this process, for all of `cycles`. */
  readonly cpuUs: number;
  readonly perSecond: number;
  /** Operations of each batch. */
  readonly batches: readonly number[];
  readonly holdMs: readonly number[];
  readonly commitMs: readonly number[];
}

/** Slow peers are measured, not cut off. */
const PATIENCE_MS = 20_000;

/** Told about batches while a round is being measured. */
export class BatchTap {
  listener: ((operations: number) => void) | undefined;
}

export function openStores(options: StoresOptions, tap = new BatchTap()): LedgerStores {
  return openPostgres({
    ...options,
    finishHold,
    statementTimeoutMs: PATIENCE_MS,
    groupCommit: {
      deadlineMs: PATIENCE_MS,
      onBatch: (operations) => tap.listener?.(operations),
      ...options.groupCommit,
    },
  });
}

/** Callers that hold and commit, one call after the other, until the time is over. */
export async function driveRound(
  ledger: BudgetLedger,
  tap: BatchTap,
  { callers, warmMs, measureMs }: RoundOptions,
): Promise<RoundResult> {
  const meter = new Meter(performance.now() + warmMs, measureMs);
  let cycles = 0;
  const call = async (): Promise<void> => {
    while (!meter.over()) {
      const hold = holdRequest();
      const held = await meter.timed(meter.holdMs, () => ledger.hold(hold));
      if (held.kind !== 'held') throw new Error(`hold: ${describe(held)}`);
      const settled = await meter.timed(meter.commitMs, () => ledger.commit(commitRequest(hold)));
      if (settled.kind !== 'settled') throw new Error(`commit: ${describe(settled)}`);
      cycles += 1;
    }
  };
  tap.listener = (operations) => meter.batch(operations);
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: callers }, call));
  const { user, system } = process.cpuUsage(cpu);
  tap.listener = undefined;
  const { batches, holdMs, commitMs } = meter;
  return {
    cycles,
    cpuUs: user + system,
    perSecond: meter.operationsPerSecond() / 2,
    batches,
    holdMs,
    commitMs,
  };
}

/** Fewer tell little about their rate: a round goes on until so many were seen … */
const LEAST_BATCHES = 16;
/** … or for this much longer. */
const MOST_EXTRA_MS = 3_000;

/** Takes down what happens from one moment on until enough was seen. */
class Meter {
  readonly batches: number[] = [];
  readonly holdMs: number[] = [];
  readonly commitMs: number[] = [];
  readonly #fromMs: number;
  readonly #untilMs: number;
  #over = false;
  #firstMs = 0;
  #lastMs = 0;

  constructor(fromMs: number, measureMs: number) {
    this.#fromMs = fromMs;
    this.#untilMs = fromMs + measureMs;
  }

  over(): boolean {
    const lateMs = performance.now() - this.#untilMs;
    const enough = this.batches.length >= LEAST_BATCHES || lateMs >= MOST_EXTRA_MS;
    this.#over ||= lateMs >= 0 && enough;
    return this.#over;
  }

  /** What begins in time counts, however long it takes. */
  async timed<T>(into: number[], work: () => Promise<T>): Promise<T> {
    const beganMs = performance.now();
    const counts = this.#inTime(beganMs);
    const result = await work();
    if (counts) into.push(performance.now() - beganMs);
    return result;
  }

  batch(operations: number): void {
    const nowMs = performance.now();
    if (!this.#inTime(nowMs)) return;
    if (this.batches.length === 0) this.#firstMs = nowMs;
    this.#lastMs = nowMs;
    this.batches.push(operations);
  }

  /** From the end of the first batch to the end of the last, so that none counts in part. */
  operationsPerSecond(): number {
    const operations = this.batches.slice(1).reduce((sum, size) => sum + size, 0);
    return operations / ((this.#lastMs - this.#firstMs) / 1000);
  }

  #inTime(ms: number): boolean {
    return ms >= this.#fromMs && !this.#over;
  }
}

function describe(outcome: { readonly kind: string; readonly problem?: string }): string {
  return `${outcome.kind} ${outcome.problem ?? ''}`;
}
