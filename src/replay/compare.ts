import { causeOf, CoverageCount, type Coverage } from './coverage.ts';
import type { Flip, LineSide, ReplayedLine } from './line.ts';
import type { RecordedEnd } from '../decision/recorded-event.ts';
import type { AskedEvent, ExtendedEvent, ReplayEvent } from './replay-event.ts';
import { callKey, type Side, type SideAnswer } from './side.ts';
import { TotalsSum, type NamedTotals, type ReasonTotals, type Totals } from './totals.ts';

export interface CompareOptions {
  readonly before: Side;
  readonly after: Side;
  /** False where `before` does not know what calls cost. */
  readonly knowsSpendBefore: boolean;
  /** Decisions before it have their effect and are not told of. */
  readonly fromMs: number;
  /** Flips that are kept for the report, the first ones. */
  readonly mostFlips: number;
  /** Told each decision once its call has ended, or with the last event. */
  readonly onLine: (line: ReplayedLine) => void;
}

export interface ReplayReport {
  readonly coverage: Coverage;
  readonly totals: Totals;
  /** The first ones; `totals` counts all. */
  readonly flips: readonly ReplayedLine[];
  readonly reasons: readonly ReasonTotals[];
  readonly agents: readonly NamedTotals[];
  readonly days: readonly NamedTotals[];
}

/** Sends every event through both sides and tells where they differ. */
export async function compare(
  pages: AsyncIterable<Iterable<ReplayEvent>>,
  options: CompareOptions,
): Promise<ReplayReport> {
  const comparison = new Comparison(options);
  for await (const events of pages) {
    for (const event of events) await comparison.take(event);
  }
  return comparison.report();
}

class Comparison {
  readonly #options: CompareOptions;
  readonly #coverage = new CoverageCount();
  readonly #totals = new TotalsSum();
  readonly #flips: ReplayedLine[] = [];
  /** Decisions whose calls are open, or may still be corrected, in the order of the decisions. */
  readonly #open = new Map<string, ReplayedLine>();

  constructor(options: CompareOptions) {
    this.#options = options;
  }

  take(event: ReplayEvent): Promise<void> {
    switch (event.kind) {
      case 'asked':
        return this.#asked(event);
      case 'extended':
        return this.#extended(event);
      case 'commit':
      case 'release':
      case 'expiry':
        return this.#ended(event);
    }
  }

  report(): ReplayReport {
    for (const line of this.#open.values()) this.#tell(line);
    this.#open.clear();
    return {
      coverage: this.#coverage.sum(),
      totals: this.#totals.all,
      flips: this.#flips,
      reasons: this.#totals.reasons(),
      agents: this.#totals.agents(),
      days: this.#totals.days(),
    };
  }

  async #asked(event: AskedEvent): Promise<void> {
    const told = this.#isTold(event);
    const cause = event.before === undefined ? 'rules' : causeOf(event.before.reasons);
    if (told) this.#coverage.asked(event, cause);
    // Whoever was denied by an outage asked again, or took it for an answer that no rule gave.
    if (cause !== 'rules' && event.before?.effect === 'deny') return;
    const before = await this.#options.before.asked(event);
    const after = await this.#options.after.asked(event);
    if (told) this.#coverage.answered(after);
    const { decidedAtMs, call, operation, requestId, id, reservationId } = event;
    const { tenant, agent, team } = call;
    const line: ReplayedLine = {
      decidedAtMs,
      tenant,
      agent,
      team,
      operation,
      requestId,
      id,
      before: this.#sideOf(before, this.#options.knowsSpendBefore),
      after: this.#sideOf(after, true),
      flip: cause === 'rules' ? flipOf(before, after) : '',
    };
    if (told) this.#count(line);
    if (before.open || after.open) this.#keep(callKey(tenant, reservationId), line);
    else this.#tell(line);
  }

  async #extended(event: ExtendedEvent): Promise<void> {
    const told = this.#isTold(event);
    const before = await this.#options.before.extended(event);
    const after = await this.#options.after.extended(event);
    if (!before || !after) {
      if (told) this.#coverage.extensionsWithoutCall += 1;
      return;
    }
    const { decidedAtMs, tenant, agent, requestId, id } = event;
    const line: ReplayedLine = {
      ...{ decidedAtMs, tenant, agent, team: '', operation: 'extend', requestId, id },
      before: this.#sideOf(before, this.#options.knowsSpendBefore),
      after: this.#sideOf(after, true),
      flip: flipOf(before, after),
    };
    if (told) this.#count(line);
    this.#tell(line);
  }

  async #ended(event: RecordedEnd): Promise<void> {
    const key = callKey(event.tenant, event.reservationId);
    const line = this.#open.get(key);
    if (!line) {
      if (event.atMs >= this.#options.fromMs) this.#coverage.endsWithoutCall += 1;
      return;
    }
    const before = await this.#options.before.ended(event);
    const after = await this.#options.after.ended(event);
    const ended = {
      ...line,
      before: this.#charged(line.before, before),
      after: this.#charged(line.after, after),
    };
    // An expired hold may be committed late.
    if (event.kind === 'expiry') {
      this.#open.set(key, ended);
      return;
    }
    this.#open.delete(key);
    this.#tell(ended);
  }

  #charged(side: LineSide, committedMicroUsd: bigint | undefined): LineSide {
    return committedMicroUsd === undefined ? side : { ...side, committedMicroUsd };
  }

  #sideOf(answer: SideAnswer, knowsSpend: boolean): LineSide {
    const { effect, reasons, estimatedMicroUsd, committedMicroUsd } = answer;
    return {
      effect,
      reasons,
      estimatedMicroUsd,
      committedMicroUsd: knowsSpend ? committedMicroUsd : undefined,
    };
  }

  /** An id may come again once it was forgotten: the call before is at its end then. */
  #keep(key: string, line: ReplayedLine): void {
    const earlier = this.#open.get(key);
    if (earlier) this.#tell(earlier);
    this.#open.delete(key);
    this.#open.set(key, line);
  }

  #isTold({ decidedAtMs }: { readonly decidedAtMs: number }): boolean {
    return decidedAtMs >= this.#options.fromMs;
  }

  #count(line: ReplayedLine): void {
    this.#totals.answered(line);
    if (line.flip !== '' && this.#flips.length < this.#options.mostFlips) this.#flips.push(line);
  }

  #tell(line: ReplayedLine): void {
    if (!this.#isTold(line)) return;
    this.#totals.charged(line);
    this.#options.onLine(line);
  }
}

function flipOf(before: SideAnswer, after: SideAnswer): Flip {
  if (before.effect === after.effect) return '';
  return after.effect === 'deny' ? 'denied' : 'allowed';
}
