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
    const quarter = Math.floor(timeMs / QUARTER_MS);
    if (quarter !== this.#quarter) {
      this.#offsetMs = this.#offsetAt(quarter * QUARTER_MS);
      this.#quarter = quarter;
    }
    const localMs = timeMs + this.#offsetMs;
    const day = Math.floor(localMs / DAY_MS);
    return {
      weekday: (((day + EPOCH_WEEKDAY) % 7) + 7) % 7,
      minute: Math.floor((localMs - day * DAY_MS) / MINUTE_MS),
    };
  }

  #offsetAt(timeMs: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(timeMs)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - timeMs;
  }
}
