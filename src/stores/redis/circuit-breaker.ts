export interface CircuitBreakerOptions {
  /** True when the store answers again. Must have a deadline. */
  readonly probe: () => Promise<boolean>;
  /** Called when probes keep failing, to begin with a new connection. */
  readonly onStuck: () => void;
  /** Called with a sentence when the circuit opens or closes. */
  readonly log: (message: string) => void;
}

/** One lost command may be chance, and waiting for a few more costs callers a few deadlines. */
const FAILURES_TO_OPEN = 5;
/** Short enough that recovery is noticed well within a second, long enough to cost nothing. */
const PROBE_EVERY_MS = 200;
/**
 * A connection that has been silent for this many probes is given up: its peer may be gone without
 * a word.
 */
const PROBES_UNTIL_STUCK = 5;

/**
 * Spares callers the wait for a store that does not answer. Opens after five failures in a row;
 * while it is open, callers are answered at once and a probe in the background asks for the store;
 * the first probe that is answered closes it.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #open = false;
  #failedProbes = 0;
  #probing = false;
  #disposed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  get open(): boolean {
    return this.#open;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(problem: string): void {
    this.#failures += 1;
    if (this.#open || this.#disposed || this.#failures < FAILURES_TO_OPEN) return;
    this.#open = true;
    this.#failedProbes = 0;
    this.#options.log(`Redis is not asked any more until it answers again: ${problem}`);
    this.#schedule();
  }

  /** Probes at once if the circuit is open, because something has changed for the better. */
  probeNow(): void {
    if (!this.#open || this.#probing) return;
    this.#probing = true;
    clearTimeout(this.#timer);
    this.#options.probe().then(
      (answered) => this.#probed(answered),
      () => this.#probed(false),
    );
  }

  /** Ends the probes. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#disposed = true;
    this.#open = false;
  }

  #probed(answered: boolean): void {
    this.#probing = false;
    if (!this.#open) return;
    if (answered) this.#close();
    else this.#tryLater();
  }

  #close(): void {
    this.#open = false;
    this.#failures = 0;
    this.#options.log('Redis answers again');
  }

  #tryLater(): void {
    this.#failedProbes += 1;
    if (this.#failedProbes % PROBES_UNTIL_STUCK === 0) this.#options.onStuck();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => this.probeNow(), PROBE_EVERY_MS).unref();
  }
}
