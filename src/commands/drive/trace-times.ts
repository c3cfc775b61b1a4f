/** As the traces write it, in UTC: "2023-11-16 18:17:03.9799600". */
const TIME = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:[.]\d{1,9})?$/;
const MINUTE = 'YYYY-MM-DD HH:MM'.length;
const SECOND = 'YYYY-MM-DD HH:MM:'.length;
const FRACTION = 'YYYY-MM-DD HH:MM:SS.'.length;

/** Reads times that come in order: a minute, which takes longest, is read once for all in it. */
export class TraceTimes {
  #minute = '';
  #minuteMs = NaN;

  /** @returns milliseconds since the epoch, cut off; NaN when the text is no time. */
  read(text: string): number {
    if (!TIME.test(text)) return NaN;
    const minute = text.slice(0, MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#minuteMs = Date.parse(`${minute}Z`);
    }
    const seconds = Number(text.slice(SECOND, SECOND + 2));
    const millis = Number(text.slice(FRACTION, FRACTION + 3).padEnd(3, '0'));
    return seconds < 60 ? this.#minuteMs + seconds * 1_000 + millis : NaN;
  }
}
