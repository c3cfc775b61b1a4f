import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import type { Health } from '../decision/ports.ts';
import type { ProcessStatus, Queries } from '../decision/queries.ts';
import { StoreWatch } from './store-watch.ts';

/** A store that fails is noticed within a second (requirement X13). */
const LOOK_EVERY_MS = 1000;

export interface JournalNumbers extends Health {
  readonly waiting: number;
  readonly bytes: number;
  readonly oldestAgeMs: number;
  readonly refused: number;
}

export interface WatchedJournal {
  status(): JournalNumbers;
}

export interface ProcessWatchParts {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly clock: Clock;
  readonly journal: WatchedJournal;
  readonly queries: Pick<Queries, 'status'>;
}

/** What a scrape is answered with, without asking any store. */
export interface Seen {
  readonly stores: readonly (readonly [store: string, healthy: boolean])[];
  readonly journal: JournalNumbers;
  /** Undefined until it was looked for the first time. */
  readonly status: ProcessStatus | undefined;
}

/** Looks every second how the stores are and logs when that changes. */
export class ProcessWatch {
  readonly #parts: ProcessWatchParts;
  readonly #stores: StoreWatch;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #status: ProcessStatus | undefined;

  constructor(parts: ProcessWatchParts) {
    this.#parts = parts;
    this.#stores = new StoreWatch(parts.logger, parts.clock);
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    this.look();
  }

  /** One look at a time: a store that hangs is not asked again and again. */
  look(): void {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
  }

  async #look(): Promise<void> {
    this.#stores.observe('record', this.#parts.journal.status());
    try {
      this.#status = await this.#parts.queries.status();
      for (const { name, ...health } of this.#status.components) {
        if (name !== 'record') this.#stores.observe(name, health);
      }
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'the stores could not be looked at');
    }
  }

  seen(): Seen {
    return {
      stores: this.#stores.states(),
      journal: this.#parts.journal.status(),
      status: this.#status,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }
}
