import type { CounterSpec } from '../../limits/counter.ts';
import { AgingMap } from './aging-map.ts';
import type { Entity, Taken } from './entity.ts';

/** What a call took from one counter that is settled when the call is. */
export interface OpenTake extends Taken {
  readonly key: string;
  readonly entity: Entity;
  readonly unit: CounterSpec['unit'];
}

/**
 * What calls in progress took, by call. Bounded: past `most` calls the oldest is dropped, and then
 * its tokens stay as they were estimated and its lease ends by itself.
 */
export class CallTable {
  readonly #most: number;
  readonly #calls = new AgingMap<readonly OpenTake[]>();

  constructor(most: number) {
    this.#most = most;
  }

  open(tenant: string, callId: string, takes: readonly OpenTake[]): void {
    this.#calls.set(keyOf(tenant, callId), takes);
    const oldest = this.#calls.oldest();
    if (oldest && this.#calls.size > this.#most) this.#calls.delete(oldest.key);
  }

  /** @returns undefined when the call is not there, for example because it was closed before. */
  close(tenant: string, callId: string): readonly OpenTake[] | undefined {
    const key = keyOf(tenant, callId);
    const takes = this.#calls.get(key);
    this.#calls.delete(key);
    return takes;
  }
}

function keyOf(tenant: string, callId: string): string {
  return JSON.stringify([tenant, callId]);
}
