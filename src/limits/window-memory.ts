import { Generations } from '../lib/generations.ts';
import type { WindowReading } from './counter.ts';

/** What tells the windows of all limits apart, whatever their scope. */
type WindowOfLimit = Pick<WindowReading, 'limitId' | 'lengthMs' | 'limit' | 'unit'>;

interface Made<T> {
  readonly lengthMs: number;
  readonly limit: number;
  readonly unit: string;
  readonly value: T;
}

/** Limits of a few configurations. */
const MAX_LIMITS = 4_096;
/** More than a limit has in all its tiers, and in some revisions that went by; then anew. */
const MAX_PER_LIMIT = 64;

/**
 * Remembers what is made of a window of a limit and lasts, such as its text: every call under the
 * limit needs it again.
 */
export class WindowMemory<T> {
  readonly #make: (window: WindowOfLimit) => T;
  readonly #known = new Generations<Made<T>[]>(MAX_LIMITS);

  /** @param make depends on nothing but the four fields. */
  constructor(make: (window: WindowOfLimit) => T) {
    this.#make = make;
  }

  of(window: WindowOfLimit): T {
    const { limitId, lengthMs, limit, unit } = window;
    let ofLimit = this.#known.get(limitId);
    if (ofLimit === undefined || ofLimit.length > MAX_PER_LIMIT) {
      ofLimit = [];
      this.#known.set(limitId, ofLimit);
    }
    for (const made of ofLimit) {
      if (made.lengthMs === lengthMs && made.limit === limit && made.unit === unit) {
        return made.value;
      }
    }
    const value = this.#make({ limitId, lengthMs, limit, unit });
    ofLimit.push({ lengthMs, limit, unit, value });
    return value;
  }
}
