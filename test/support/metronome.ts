import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 5;

interface Tick {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Notes when this process was held up: by a machine that ran others instead, or by its own work.
 * Tells a slow answer from a test that was not there to take it. Times are those of
 * `performance.now()`.
 */
export class Metronome {
  readonly #late: Tick[] = [];
  #stopped = false;

  constructor() {
    this.#tick().catch(() => undefined);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** For how long the process was held up by what ended or began between the two times. */
  heldUpMs(fromMs: number, toMs: number): number {
    let sum = 0;
    for (const tick of this.#late) {
      if (tick.toMs >= fromMs && tick.fromMs <= toMs) sum += tick.toMs - tick.fromMs;
    }
    return sum;
  }

  async #tick(): Promise<void> {
    while (!this.#stopped) {
      const dueMs = performance.now() + TICK_MS;
      await sleep(TICK_MS);
      const toMs = performance.now();
      if (toMs - dueMs > 1) this.#late.push({ fromMs: dueMs, toMs });
    }
  }
}
