/** A wait that can be cut short. It does not keep the process alive. */
export class Pause {
  #ended = false;
  #wake: (() => void) | undefined;

  async wait(forMs: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, forMs).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Ends the wait that is under way. */
  cut(): void {
    this.#wake?.();
  }

  /** Ends the wait that is under way; later ones do not wait at all. */
  end(): void {
    this.#ended = true;
    this.cut();
  }
}
