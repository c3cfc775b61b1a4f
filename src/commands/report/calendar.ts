import { PeriodClock } from '../../budgets/period-clock.ts';
import { parseTimeZone } from '../../lib/time-zone.ts';
import { WallClock } from '../../lib/zoned-time.ts';
import { CommandFailed } from '../context.ts';

/** From one moment to another, exclusive. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Days and months of one zone. */
export class Calendar {
  readonly zone: string;
  readonly #wall: WallClock;
  readonly #days: PeriodClock;
  readonly #months: PeriodClock;

  /** @throws CommandFailed for a zone that nobody knows. */
  constructor(zone: string) {
    if (parseTimeZone(zone) === undefined) {
      throw new CommandFailed(`--zone ${zone} is not an IANA time zone, for example Europe/Paris.`);
    }
    this.zone = zone;
    this.#wall = new WallClock(zone);
    this.#days = new PeriodClock('daily', zone);
    this.#months = new PeriodClock('monthly', zone);
  }

  /** @param day for example "2026-11-21". */
  startMsOf(day: string): number {
    return this.#wall.momentMsOf(Date.parse(`${day}T00:00:00Z`));
  }

  /** The day of a moment, for example "2026-11-21". */
  dayAt(timeMs: number): string {
    return this.#days.at(timeMs).name;
  }

  dayAround(timeMs: number): TimeSpan {
    return spanOf(this.#days.at(timeMs));
  }

  monthAround(timeMs: number): TimeSpan {
    return spanOf(this.#months.at(timeMs));
  }

  /** The month so many before that of the moment. */
  monthBefore(timeMs: number, count: number): TimeSpan {
    let span = this.monthAround(timeMs);
    for (let back = 0; back < count; back += 1) span = this.monthAround(span.fromMs - 1);
    return span;
  }

  /** Where the day begins that is so many before that of the moment. */
  daysBefore(timeMs: number, count: number): number {
    let span = this.dayAround(timeMs);
    for (let back = 0; back < count; back += 1) span = this.dayAround(span.fromMs - 1);
    return span.fromMs;
  }
}

/** Days and months have bounds; only a total has none. */
function spanOf({ startMs = 0, endMs = 0 }: ReturnType<PeriodClock['at']>): TimeSpan {
  return { fromMs: startMs, toMs: endMs };
}
