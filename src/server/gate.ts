/** Bounds how many requests are in progress, and tells when none is. */
export class Gate {
  readonly #most: number;
  #inProgress = 0;
  #whenIdle: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns false when there is no room; otherwise `leave` must be called once. */
  enter(): boolean {
    if (this.#inProgress >= this.#most) return false;
    this.#inProgress += 1;
    return true;
  }

  leave(): void {
    this.#inProgress -= 1;
    if (this.#inProgress > 0 || this.#whenIdle.length === 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }

  get inProgress(): number {
    return this.#inProgress;
  }

  /** Resolves when no request is in progress. */
  idle(): Promise<void> {
    if (this.#inProgress === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }
}
