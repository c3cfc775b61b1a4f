import type { Clock } from '../lib/clock.ts';
import type { Health } from '../decision/ports.ts';
import type { Logger } from 'pino';

/** A store that flaps is told of this often; each telling says how often it changed in between. */
const TELL_EVERY_MS = 1000;

interface Watched {
  healthy: boolean;
  problem: string;
  /** What was last said of it. */
  toldHealthy: boolean;
  toldAtMs: number;
  changes: number;
}

/** Remembers how every store is, and logs when that changes. */
export class StoreWatch {
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  readonly #clock: Clock;
  readonly #stores = new Map<string, Watched>();

  constructor(logger: Pick<Logger, 'info' | 'warn'>, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** @param store what it is for, for example "limits", "ledger" or "journal". */
  observe(store: string, { healthy, problem, adapter }: Health): void {
    const known = this.#stores.get(store) ?? this.#meet(store);
    if (known.healthy !== healthy) known.changes += 1;
    known.healthy = healthy;
    known.problem = problem;
    const nowMs = this.#clock.nowMs();
    if (known.toldHealthy === healthy || nowMs - known.toldAtMs < TELL_EVERY_MS) return;
    this.#tell(store, adapter, known);
    Object.assign(known, { toldHealthy: healthy, toldAtMs: nowMs, changes: 0 });
  }

  /** Stores are taken to be healthy until seen otherwise, so that a good start says nothing. */
  #meet(store: string): Watched {
    const fresh = {
      healthy: true,
      problem: '',
      toldHealthy: true,
      toldAtMs: -Infinity,
      changes: 0,
    };
    this.#stores.set(store, fresh);
    return fresh;
  }

  #tell(store: string, adapter: string, { healthy, problem, changes }: Watched): void {
    if (healthy) this.#logger.info({ store, adapter, changes }, 'store is back');
    else this.#logger.warn({ store, adapter, problem, changes }, 'store does not answer');
  }

  /** Every store seen so far, and whether it was healthy. */
  states(): readonly (readonly [store: string, healthy: boolean])[] {
    return [...this.#stores].map(([store, { healthy }]) => [store, healthy]);
  }
}
