import {
  isSettledLater,
  type Algorithm,
  type CounterSpec,
  type WindowSpec,
} from '../../limits/counter.ts';
import type { RedisKeys } from './keys.ts';
import { openCallText } from './open-call.ts';

/**
 * The windows of a counter as the scripts read them. Counters with equal windows have equal
 * `name`s.
 */
export interface Shape {
  readonly name: string;
  /**
   * Equal for shapes that differ only in their limits, which may share an entity within one script
   * call.
   */
  readonly lengths: string;
  /** The meter, how many windows, then length, limit and, for token buckets, burst of each. */
  readonly args: readonly string[];
}

export interface PlannedCounter {
  readonly key: string;
  readonly shape: Shape;
  readonly cost: string;
}

/** What is remembered of a call until it is settled. */
export interface PlannedCall {
  readonly key: string;
  readonly callId: string;
  readonly lifeMs: string;
  readonly text: string;
}

/** The counters of one call, ready to be sent. */
export interface Plan {
  readonly counters: readonly PlannedCounter[];
  /** Tells, with 32 bits, plans over other counters, limits or costs apart. */
  readonly mark: number;
}

/** Undefined when nothing of the call is settled later. */
export function plannedCall(
  keys: RedisKeys,
  tenant: string,
  callId: string,
  counters: readonly CounterSpec[],
): PlannedCall | undefined {
  if (!counters.some(isSettledLater)) return undefined;
  const longestMs = Math.max(
    ...counters.filter(isSettledLater).flatMap(({ windows }) => windows.map(lengthOf)),
  );
  return {
    key: keys.call(tenant, callId),
    callId,
    // Once its longest window has passed there is nothing left to correct.
    lifeMs: String(Math.ceil(longestMs * 1.1) + 60_000),
    text: openCallText(counters),
  };
}

function lengthOf({ lengthMs }: WindowSpec): number {
  return lengthMs;
}

export function planOf(keys: RedisKeys, tenant: string, specs: readonly CounterSpec[]): Plan {
  let mark = FNV_OFFSET;
  const counters = specs.map((spec) => {
    const counter = {
      key: keys.entity(tenant, spec),
      shape: shapeOf(spec.algorithm, spec.windows),
      cost: String(spec.cost),
    };
    mark = fnv(mark, `${counter.key} ${counter.shape.name} ${counter.cost};`);
    return counter;
  });
  return { counters, mark };
}

/** Numbers the different shapes of one script call in the order in which they are met, from 1. */
export class ShapeTable {
  readonly #numbers = new Map<string, string>();
  readonly #args: string[] = [];

  numberOf(shape: Shape): string {
    const known = this.#numbers.get(shape.name);
    if (known !== undefined) return known;
    const number = String(this.#numbers.size + 1);
    this.#numbers.set(shape.name, number);
    this.#args.push(...shape.args);
    return number;
  }

  /** How many, then each. */
  args(): readonly string[] {
    return [String(this.#numbers.size), ...this.#args];
  }
}

const METERS: Readonly<Record<Algorithm, string>> = {
  strict: '1',
  weighted: '2',
  calendar: '3',
  token_bucket: '4',
  leases: '5',
};

// A compiled limit hands out the same array for every call; its shape is worked out once.
const shapes = new WeakMap<readonly WindowSpec[], Shape>();

export function shapeOf(algorithm: Algorithm, windows: readonly WindowSpec[]): Shape {
  const known = shapes.get(windows);
  if (known?.args[0] === METERS[algorithm]) return known;
  const bursts = algorithm === 'token_bucket';
  const args = [METERS[algorithm], String(windows.length)];
  for (const { lengthMs, limit, burst = limit } of windows) {
    args.push(String(lengthMs), String(limit));
    if (bursts) args.push(String(burst));
  }
  const name = args.join(' ');
  // What is in a token bucket depends on how fast it leaks as well.
  const lengths = bursts ? name : windows.map(lengthOf).join(' ');
  const shape = { name, lengths, args };
  shapes.set(windows, shape);
  return shape;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** One step of FNV-1a over the text's UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/). */
function fnv(mark: number, text: string): number {
  let sum = mark;
  for (let i = 0; i < text.length; i += 1) {
    sum = Math.imul(sum ^ text.charCodeAt(i), FNV_PRIME);
  }
  return sum >>> 0;
}
