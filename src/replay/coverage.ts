import type { Reason } from '../decision/reasons.ts';
import type { AskedEvent } from './replay-event.ts';
import type { SideAnswer } from './side.ts';

/** How much of what was asked a replay can say something about. */
export interface Coverage {
  /** Decisions in the range. */
  readonly decisions: number;
  /** Of them, those that were decided again. */
  readonly replayed: number;
  /** Of those, the ones of which all is known that policies asked for. */
  readonly complete: number;
  /** Decisions by the fact that they lack, by name. */
  readonly lacking: readonly { readonly fact: string; readonly decisions: number }[];
  /** Estimated no tokens: they are priced as calls of no length. */
  readonly withoutTokens: number;
  /** A store was away then: the denials among them are not decided again, none is a flip. */
  readonly byOutage: number;
  /** Denied because of their token, which is not recorded; not decided again. */
  readonly byToken: number;
  /** Could not be decided by the configuration, by why. */
  readonly refused: readonly { readonly why: string; readonly decisions: number }[];
  /** Held now and not then, so nobody knows what they used: charged at their estimate. */
  readonly assumed: number;
  /** Charged by their tokens, because prices differ. */
  readonly repriced: number;
  /** Ends of calls that were held before the record begins, or outside of it. */
  readonly endsWithoutCall: number;
  /** Extensions of calls that are not held now. */
  readonly extensionsWithoutCall: number;
}

export type Cause = 'rules' | 'outage' | 'token';

const OUTAGE = new Set<Reason['code']>([
  'limit.unavailable',
  'limit.outage_allowed',
  'limit.outage_local',
  'ledger.unavailable',
  'ledger.outage_allowed',
  'record.unavailable',
]);
const TOKEN = new Set<Reason['code']>(['token.invalid', 'token.used']);

/** What made a recorded decision: the rules, or what no configuration changes. */
export function causeOf(reasons: readonly Reason[]): Cause {
  if (reasons.some(({ code }) => OUTAGE.has(code))) return 'outage';
  return reasons.some(({ code }) => TOKEN.has(code)) ? 'token' : 'rules';
}

/** Counts while a replay runs. */
export class CoverageCount {
  #decisions = 0;
  #replayed = 0;
  #complete = 0;
  #withoutTokens = 0;
  #byOutage = 0;
  #byToken = 0;
  #assumed = 0;
  #repriced = 0;
  endsWithoutCall = 0;
  extensionsWithoutCall = 0;
  readonly #lacking = new Map<string, number>();
  readonly #refused = new Map<string, number>();

  asked({ call }: Pick<AskedEvent, 'call'>, cause: Cause): void {
    this.#decisions += 1;
    if (cause === 'outage') this.#byOutage += 1;
    if (cause === 'token') this.#byToken += 1;
    const { inputTokens, outputTokens, costMicroUsd } = call.estimate;
    if (costMicroUsd === undefined && inputTokens === 0n && outputTokens === 0n) {
      this.#withoutTokens += 1;
    }
  }

  answered({ refused, lacks, assumed, repriced }: SideAnswer): void {
    this.#replayed += 1;
    if (lacks.length === 0) this.#complete += 1;
    for (const fact of lacks) add(this.#lacking, fact);
    if (refused !== '') add(this.#refused, refused);
    if (assumed) this.#assumed += 1;
    if (repriced) this.#repriced += 1;
  }

  sum(): Coverage {
    return {
      decisions: this.#decisions,
      replayed: this.#replayed,
      complete: this.#complete,
      lacking: sorted(this.#lacking).map(([fact, decisions]) => ({ fact, decisions })),
      withoutTokens: this.#withoutTokens,
      byOutage: this.#byOutage,
      byToken: this.#byToken,
      refused: sorted(this.#refused).map(([why, decisions]) => ({ why, decisions })),
      assumed: this.#assumed,
      repriced: this.#repriced,
      endsWithoutCall: this.endsWithoutCall,
      extensionsWithoutCall: this.extensionsWithoutCall,
    };
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
