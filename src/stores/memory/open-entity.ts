import type { CounterSpec } from '../../limits/counter.ts';
import type { Entity } from './entity.ts';
import { LeaseEntity } from './lease-entity.ts';
import { WindowEntity } from './window-entity.ts';

/** An empty entity for a counter. */
export function openEntity({ algorithm, windows }: CounterSpec): Entity {
  return algorithm === 'leases' ? new LeaseEntity() : new WindowEntity(algorithm, windows);
}
