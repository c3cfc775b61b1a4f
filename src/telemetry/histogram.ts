/**
 * Upper bounds in seconds, from a policy evaluation to a caller's patience. The same for
 * everything, so that stages can be compared.
 */
export const BUCKET_SECONDS = [
  5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25,
  0.5, 1, 2.5,
] as const;

const BUCKETS = BUCKET_SECONDS.length;

/** A histogram that costs a few comparisons to observe; a library's hashes its labels each time. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS + 1);
  #sumSeconds = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < BUCKETS && seconds > BUCKET_SECONDS[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#sumSeconds += seconds;
  }

  get sumSeconds(): number {
    return this.#sumSeconds;
  }

  /** Observations at or below each bound, then all of them. */
  cumulative(): readonly number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => (sum += count));
  }
}
