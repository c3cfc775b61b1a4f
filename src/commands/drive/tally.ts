import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ReserveVerdict } from '../../../clients/typescript/index.ts';
import type { CommitResponse } from '../../gen/tollgate/v1/decision_service.ts';
import type { Reason } from '../../gen/tollgate/v1/verdict.ts';

/** Denials that had the same cause. */
export interface DenialCause {
  readonly code: string;
  /** Account, or scope and rule where no account spoke. */
  readonly where: string;
  readonly calls: number;
  /** What was left when it was last met; undefined when the reason has no amounts. */
  readonly left: bigint | undefined;
  readonly unit: string;
}

/**
 * A trace with a budget for each of many users has as many causes; beyond these they are counted
 * together.
 */
const MAX_CAUSES = 100;
const OTHERS = 'others';

/** What became of the calls of a run, as the ledger answered. */
export class Tally {
  calls = 0;
  allowed = 0;
  denied = 0;
  committedMicroUsd = 0n;
  inputTokens = 0n;
  outputTokens = 0n;
  heldMicroUsd = 0n;
  overruns = 0;
  readonly reserveMicros: RecordableHistogram = createHistogram();
  readonly commitMicros: RecordableHistogram = createHistogram();
  readonly #causes = new Map<string, DenialCause>();

  decided(verdict: ReserveVerdict, tookMs: number): void {
    this.calls += 1;
    recordMs(this.reserveMicros, tookMs);
    if (verdict.effect === 'allow') {
      this.allowed += 1;
      this.heldMicroUsd += verdict.reservation?.heldMicroUsd ?? 0n;
      return;
    }
    this.denied += 1;
    for (const reason of verdict.decision.reasons) {
      if (!reason.advisory) this.#count(reason);
    }
  }

  settled(
    answer: CommitResponse,
    { heldMicroUsd, tookMs }: { heldMicroUsd: bigint; tookMs: number },
  ): void {
    recordMs(this.commitMicros, tookMs);
    const { reservation, overrunMicroUsd } = answer;
    this.heldMicroUsd -= heldMicroUsd;
    this.committedMicroUsd += reservation?.committedMicroUsd ?? 0n;
    this.inputTokens += reservation?.committedInputTokens ?? 0n;
    this.outputTokens += reservation?.committedOutputTokens ?? 0n;
    if (overrunMicroUsd > 0n) this.overruns += 1;
  }

  /** Most frequent first. */
  causes(): DenialCause[] {
    return [...this.#causes.values()].sort((a, b) => b.calls - a.calls);
  }

  #count({ code, account, rule, scope, remaining, unit }: Reason): void {
    const named = account || [rule, scope].filter(Boolean).join(' for ');
    const known = this.#causes.has(`${code} ${named}`) || this.#causes.size < MAX_CAUSES;
    const where = known ? named : OTHERS;
    const key = `${code} ${where}`;
    const calls = (this.#causes.get(key)?.calls ?? 0) + 1;
    this.#causes.set(key, { code, where, calls, left: known ? remaining : undefined, unit });
  }
}

/** Histograms count whole numbers from 1. */
function recordMs(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1_000)));
}
