import type { Reason } from '../decision/reasons.ts';
import { isAdvice } from '../decision/reasons.ts';
import type { Flip, LineSide, ReplayedLine } from './line.ts';

/** Sums over the decisions of a replay, or over a part of them. */
export interface Totals {
  readonly decisions: number;
  readonly deniedBefore: number;
  readonly deniedAfter: number;
  /** Allowed before, denied now. */
  readonly flippedToDenied: number;
  readonly flippedToAllowed: number;
  /** Undefined where nobody knows. */
  readonly spentBeforeMicroUsd: bigint | undefined;
  readonly spentAfterMicroUsd: bigint;
}

export type NamedTotals = Totals & { readonly name: string };

/** How often something kept calls from going ahead. */
export interface ReasonTotals {
  /** Code and rule. */
  readonly name: string;
  readonly deniedBefore: number;
  readonly deniedAfter: number;
  /** Denials by it that only one side has. */
  readonly flippedToDenied: number;
  readonly flippedToAllowed: number;
}

interface Sums {
  decisions: number;
  deniedBefore: number;
  deniedAfter: number;
  flippedToDenied: number;
  flippedToAllowed: number;
  spentBeforeMicroUsd: bigint | undefined;
  spentAfterMicroUsd: bigint;
}

const DAY_MS = 86_400_000;
/** Names beyond these are summed as one: a record of years must not fill the memory. */
const MOST_NAMES = 10_000;
const OTHERS = '(others)';

/** Sums while a replay runs. */
export class TotalsSum {
  readonly all = emptySums();
  readonly #agents = new Map<string, Sums>();
  readonly #days = new Map<number, Sums>();
  readonly #reasons = new Map<string, Sums>();
  /** Found for the line before: mostly those of the next one. */
  #latest: Latest = { tenant: '', agent: '', day: NaN, ofAgent: emptySums(), ofDay: emptySums() };

  /** A decision, as soon as both sides have answered. */
  answered(line: ReplayedLine): void {
    const { ofAgent, ofDay } = this.#of(line);
    count(this.all, line);
    count(ofAgent, line);
    count(ofDay, line);
    this.#countReasons(line.before, 'deniedBefore', line.flip === 'allowed' ? line.flip : '');
    this.#countReasons(line.after, 'deniedAfter', line.flip === 'denied' ? line.flip : '');
  }

  /** What its call was charged in the end. */
  charged(line: ReplayedLine): void {
    const { ofAgent, ofDay } = this.#of(line);
    charge(this.all, line);
    charge(ofAgent, line);
    charge(ofDay, line);
  }

  agents(): readonly NamedTotals[] {
    return named(this.#agents);
  }

  days(): readonly NamedTotals[] {
    const names = [...this.#days].map(([day, sums]) => [dayText(day), sums] as const);
    return named(new Map(names));
  }

  reasons(): readonly ReasonTotals[] {
    return named(this.#reasons);
  }

  #countReasons(side: LineSide, column: 'deniedBefore' | 'deniedAfter', flip: Flip): void {
    if (side.effect === 'allow') return;
    const names = new Set(side.reasons.filter((one) => !isAdvice(one)).map(nameOf));
    for (const name of names) {
      const sums = sumsOf(this.#reasons, name, OTHERS);
      sums[column] += 1;
      if (flip === 'denied') sums.flippedToDenied += 1;
      if (flip === 'allowed') sums.flippedToAllowed += 1;
    }
  }

  #of({ tenant, agent, decidedAtMs }: ReplayedLine): Latest {
    const day = Math.floor(decidedAtMs / DAY_MS);
    const latest = this.#latest;
    if (latest.day === day && latest.agent === agent && latest.tenant === tenant) return latest;
    const ofAgent = sumsOf(this.#agents, `${tenant}/${agent}`, OTHERS);
    const ofDay = sumsOf(this.#days, day, -1);
    this.#latest = { tenant, agent, day, ofAgent, ofDay };
    return this.#latest;
  }
}

interface Latest {
  readonly tenant: string;
  readonly agent: string;
  /** Since the epoch. */
  readonly day: number;
  readonly ofAgent: Sums;
  readonly ofDay: Sums;
}

function nameOf({ code, rule = '' }: Reason): string {
  return rule === '' ? code : `${code} ${rule}`;
}

function count(sums: Sums, { before, after, flip }: ReplayedLine): void {
  sums.decisions += 1;
  if (before.effect === 'deny') sums.deniedBefore += 1;
  if (after.effect === 'deny') sums.deniedAfter += 1;
  if (flip === 'denied') sums.flippedToDenied += 1;
  if (flip === 'allowed') sums.flippedToAllowed += 1;
}

function charge(sums: Sums, { before, after }: ReplayedLine): void {
  if (before.committedMicroUsd === undefined) sums.spentBeforeMicroUsd = undefined;
  else if (sums.spentBeforeMicroUsd !== undefined) {
    sums.spentBeforeMicroUsd += before.committedMicroUsd;
  }
  sums.spentAfterMicroUsd += after.committedMicroUsd ?? 0n;
}

function emptySums(): Sums {
  return {
    decisions: 0,
    deniedBefore: 0,
    deniedAfter: 0,
    flippedToDenied: 0,
    flippedToAllowed: 0,
    spentBeforeMicroUsd: 0n,
    spentAfterMicroUsd: 0n,
  };
}

function sumsOf<Key>(groups: Map<Key, Sums>, name: Key, others: Key): Sums {
  const known = groups.get(name);
  if (known) return known;
  if (groups.size >= MOST_NAMES && name !== others) return sumsOf(groups, others, others);
  const sums = emptySums();
  groups.set(name, sums);
  return sums;
}

function named(groups: ReadonlyMap<string, Sums>): readonly NamedTotals[] {
  return [...groups]
    .map(([name, sums]) => ({ name, ...sums }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function dayText(day: number): string {
  return day < 0 ? OTHERS : new Date(day * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length);
}
