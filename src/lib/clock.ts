/** Where time comes from. Domain code never reads the machine's clock itself. */
export interface Clock {
  /** Wall time, in milliseconds since the Unix epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** A clock that moves only when it is told to: for tests and replay. */
export class ManualClock implements Clock {
  #nowMs: number;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
  }

  set(toMs: number): void {
    this.#nowMs = toMs;
  }
}
