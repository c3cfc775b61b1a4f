import type { Plan, PlannedCall } from './plan.ts';
import { ShapeTable } from './plan.ts';

/** One decision on its way to Redis. */
export interface PlannedTake {
  readonly verdictKey: string;
  readonly fingerprint: string;
  readonly plan: Plan;
  /** Undefined when nothing of it is settled later. */
  readonly call: PlannedCall | undefined;
  /** What must go to one script call; the same for all where one server has all keys. */
  readonly slot: string;
  /** Longest window of its counters. */
  readonly longestMs: number;
}

/**
 * Most counters of one script call, however many decisions they belong to. Lua hands at most some
 * 8,000 keys to a command, and 2,000 counters take Redis some 10 ms already.
 */
const MAX_COUNTERS = 2_000;
const ARGS_PER_COUNTER = 3;

/** Decisions that go to Redis in one script call, in the order in which they were added. */
export class TakeBatch {
  readonly #entities = new Map<string, { readonly number: string; readonly lengths: string }>();
  readonly #shapes = new ShapeTable();
  readonly #verdictKeys: string[] = [];
  readonly #calls: PlannedCall[] = [];
  readonly #decisions: PlannedTake[] = [];
  /** Entity, shape and cost of every counter of every decision. */
  readonly #counterArgs: string[] = [];

  /** @returns false, with nothing added, when the decision has to go in a later batch. */
  add(take: PlannedTake): boolean {
    const { verdictKey, plan, call } = take;
    if (this.#decisions.length > 0 && take.slot !== this.slot) return false;
    if (!this.#fits(plan)) return false;
    this.#verdictKeys.push(verdictKey);
    if (call) this.#calls.push(call);
    for (const { key, shape, cost } of plan.counters) {
      const entity = this.#entity(key, shape.lengths);
      this.#counterArgs.push(entity, this.#shapes.numberOf(shape), cost);
    }
    this.#decisions.push(take);
    return true;
  }

  /** Of the decisions in it. */
  get slot(): string {
    return this.#decisions[0]?.slot ?? '';
  }

  /** Longest window of all counters in it. */
  get longestMs(): number {
    return Math.max(0, ...this.#decisions.map(({ longestMs }) => longestMs));
  }

  /** @param epochKey of the slot. */
  keys(epochKey: string): readonly string[] {
    return [
      epochKey,
      ...this.#entities.keys(),
      ...this.#verdictKeys,
      ...this.#calls.map(({ key }) => key),
    ];
  }

  /** @param head clock, known epoch and the name for a new one, as lua/take.lua says. */
  args(head: readonly [clock: string, known: string, fresh: string]): readonly string[] {
    const decisions = String(this.#decisions.length);
    const entities = String(this.#entities.size);
    const args = [...head, decisions, entities, ...this.#shapes.args()];
    let place = 1 + this.#entities.size + this.#decisions.length;
    let next = 0;
    for (const { fingerprint, plan, call } of this.#decisions) {
      args.push(fingerprint, String(plan.mark), call ? String((place += 1)) : '0');
      if (call) args.push(call.callId, call.lifeMs, call.text);
      args.push(String(plan.counters.length));
      const end = next + ARGS_PER_COUNTER * plan.counters.length;
      for (; next < end; next++) args.push(this.#counterArgs[next]!);
    }
    return args;
  }

  #fits({ counters }: Plan): boolean {
    const before = this.#counterArgs.length / ARGS_PER_COUNTER;
    if (before > 0 && before + counters.length > MAX_COUNTERS) return false;
    // While a change of configuration is under way, calls with the old and the new windows of a
    // limit may meet here.
    return counters.every(({ key, shape }) => {
      const known = this.#entities.get(key);
      return known === undefined || known.lengths === shape.lengths;
    });
  }

  #entity(key: string, lengths: string): string {
    const known = this.#entities.get(key);
    if (known !== undefined) return known.number;
    const number = String(this.#entities.size + 1);
    this.#entities.set(key, { number, lengths });
    return number;
  }
}
