import { isSettledLater, type CounterSpec, type WindowSpec } from '../../limits/counter.ts';

/** What a call took from a counter that is settled later, as Redis remembers it. */
export interface OpenTake {
  readonly spec: CounterSpec;
  readonly takenAtMs: number;
}

/** A counter as it is written: its place among the counters of the call, and what finds it. */
type Written = Pick<
  CounterSpec,
  'limitId' | 'scope' | 'crossTenant' | 'algorithm' | 'cost' | 'unit'
> & { readonly place: number; readonly windows: readonly WindowSpec[] };

const TIME_BYTES = 8;

/** The text that take.lua remembers for a call, behind the times of all its takes. */
export function openCallText(counters: readonly CounterSpec[]): string {
  const written = counters.flatMap((spec, place): Written[] => {
    const { limitId, scope, crossTenant, algorithm, cost, unit, windows } = spec;
    if (!isSettledLater(spec)) return [];
    return [{ place, limitId, scope, crossTenant, algorithm, cost, unit, windows }];
  });
  return JSON.stringify({ of: counters.length, takes: written });
}

/** Reads a call as take.lua remembers it; undefined when it is not one. */
export function readOpenCall(value: Buffer): readonly OpenTake[] | undefined {
  const textAt = value.indexOf('{"of":');
  if (textAt < 0 || textAt % TIME_BYTES !== 0) return undefined;
  try {
    const { of, takes } = JSON.parse(value.toString('utf8', textAt)) as {
      readonly of: number;
      readonly takes: readonly Written[];
    };
    if (of * TIME_BYTES !== textAt) return undefined;
    return takes.map(({ place, ...rest }) => ({
      spec: { ...rest, onOutage: 'deny', localPerMille: 0 },
      takenAtMs: value.readDoubleLE(place * TIME_BYTES),
    }));
  } catch {
    return undefined;
  }
}
