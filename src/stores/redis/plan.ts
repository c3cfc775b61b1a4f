import type { CounterSpec, WindowSpec } from '../../limits/counter.ts';
import type { RedisKeys } from './keys.ts';

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
  /** How many windows, then length and limit of each. */
  readonly args: readonly string[];
}

export interface PlannedCounter {
  readonly key: string;
  readonly shape: Shape;
  readonly cost: string;
}

/** The counters of one call, ready to be sent. */
export interface Plan {
  readonly counters: readonly PlannedCounter[];
  /** Tells, with 32 bits, plans over other counters, limits or costs apart. */
  readonly mark: number;
}

export function planOf(keys: RedisKeys, tenant: string, specs: readonly CounterSpec[]): Plan {
  let mark = FNV_OFFSET;
  const counters = specs.map((spec) => {
    const counter = {
      key: keys.entity(tenant, spec),
      shape: shapeOf(spec.windows),
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

// A compiled limit hands out the same array for every call; its shape is worked out once.
const shapes = new WeakMap<readonly WindowSpec[], Shape>();

function shapeOf(windows: readonly WindowSpec[]): Shape {
  const known = shapes.get(windows);
  if (known !== undefined) return known;
  const args = [String(windows.length)];
  for (const { lengthMs, limit } of windows) args.push(String(lengthMs), String(limit));
  const shape = {
    name: args.join(' '),
    lengths: windows.map((window) => window.lengthMs).join(' '),
    args,
  };
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
