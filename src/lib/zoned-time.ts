/** What a clock on the wall of a zone shows. */
export interface WallTime {
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Minutes since midnight, 0 to 1439. */
  readonly minute: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Offsets from UTC change at whole quarters of an hour, in every zone since 1972. */
const QUARTER_MS = 15 * MINUTE_MS;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4;

/**
 * The wall clock of one IANA zone, daylight saving included. Asks the runtime once a quarter of an
 * hour, because that takes microseconds, and remembers the offset for the rest of it.
 */
export class WallClock {
  readonly #format: Intl.DateTimeFormat;
  #quarter = NaN;
  #offsetMs = 0;

  /** @param zone one that parseTimeZone knows. */
  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  at(timeMs: number): WallTime {
    const localMs = timeMs + this.offsetMsAt(timeMs);
    const day = Math.floor(localMs / DAY_MS);
    return {
      weekday: (((day + EPOCH_WEEKDAY) % 7) + 7) % 7,
      minute: Math.floor((localMs - day * DAY_MS) / MINUTE_MS),
    };
  }

  /** What the clock shows more than UTC; below 0 west of it. */
  offsetMsAt(timeMs: number): number {
    const quarter = Math.floor(timeMs / QUARTER_MS);
    if (quarter !== this.#quarter) {
      this.#offsetMs = this.#offsetAt(quarter * QUARTER_MS);
      this.#quarter = quarter;
    }
    return this.#offsetMs;
  }

  /**
   * The moment at which the clock shows a time, given as if it were UTC. Where clocks are put
   * forward and it is never shown, the offset before counts; where it is shown twice, the one
   * after, as in Postgres.
   */
  momentMsOf(localMs: number): number {
    const before = this.offsetMsAt(localMs - DAY_MS);
    const after = this.offsetMsAt(localMs + DAY_MS);
    if (before === after) return localMs - before;
    const shows = (offsetMs: number): boolean => this.offsetMsAt(localMs - offsetMs) === offsetMs;
    return localMs - (shows(after) ? after : before);
  }

  #offsetAt(timeMs: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(timeMs)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - timeMs;
  }
}
