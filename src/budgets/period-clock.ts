import { WallClock } from '../lib/zoned-time.ts';
import type { Period } from './account.ts';

/** One period of a budget. */
export interface PeriodSpan {
  /** Its first day in the budget's zone, for example "2026-11-01", or "total". */
  readonly name: string;
  /** Undefined for `total`. */
  readonly startMs: number | undefined;
  /** Exclusive; undefined for `total`. */
  readonly endMs: number | undefined;
}

const TOTAL: PeriodSpan = { name: 'total', startMs: undefined, endMs: undefined };
const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;
/** 1970-01-01 was a Thursday; weeks begin on Monday. */
const EPOCH_AFTER_MONDAY = 3;

/**
 * Periods of one kind in one zone. tollgate.specs_at (src/stores/postgres/migrations) finds the
 * same in SQL; the ledger's conformance suite and its model tests hold the two equal.
 */
export class PeriodClock {
  readonly #period: Period;
  readonly #zone: WallClock;
  /** The one asked for last: nearly always the one asked for next. */
  #latest: PeriodSpan = TOTAL;

  /** @throws RangeError for a zone that this runtime does not know. */
  constructor(period: Period, timeZone: string) {
    this.#period = period;
    this.#zone = new WallClock(timeZone);
  }

  at(nowMs: number): PeriodSpan {
    if (this.#period === 'total') return TOTAL;
    const { startMs = Infinity, endMs = -Infinity } = this.#latest;
    if (nowMs < startMs || nowMs >= endMs) this.#latest = this.#around(nowMs);
    return this.#latest;
  }

  /** Whole periods that lie between the end of one and the start of a later one. */
  idleBetween(endMs: number, startMs: number): number {
    const [from, to] = [this.#dayOf(endMs), this.#dayOf(startMs)];
    if (this.#period === 'monthly') return monthOf(to) - monthOf(from);
    return this.#period === 'weekly' ? Math.floor((to - from) / WEEK_DAYS) : to - from;
  }

  #around(nowMs: number): PeriodSpan {
    const first = this.#firstDayOf(this.#dayOf(nowMs));
    return {
      name: new Date(first * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length),
      startMs: this.#zone.momentMsOf(first * DAY_MS),
      endMs: this.#zone.momentMsOf(this.#dayAfter(first) * DAY_MS),
    };
  }

  /** Days since the epoch, on the wall of the zone. */
  #dayOf(timeMs: number): number {
    return Math.floor((timeMs + this.#zone.offsetMsAt(timeMs)) / DAY_MS);
  }

  #firstDayOf(day: number): number {
    if (this.#period === 'daily') return day;
    if (this.#period === 'weekly') return day - ((day + EPOCH_AFTER_MONDAY) % WEEK_DAYS);
    return dayOfMonth(monthOf(day));
  }

  #dayAfter(first: number): number {
    if (this.#period === 'daily') return first + 1;
    return this.#period === 'weekly' ? first + WEEK_DAYS : dayOfMonth(monthOf(first) + 1);
  }
}

const MONTHS = 12;

/** Months since year 0. */
function monthOf(day: number): number {
  const date = new Date(day * DAY_MS);
  return date.getUTCFullYear() * MONTHS + date.getUTCMonth();
}

/** First day of a month. */
function dayOfMonth(month: number): number {
  return Date.UTC(Math.floor(month / MONTHS), month % MONTHS) / DAY_MS;
}
