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
}

/**
 * Most counters of one script call, however many decisions they belong to. Lua hands at most some
 * 8,000 keys to a command, and 2,000 counters take Redis some 10 ms already.
 */
const MAX_COUNTERS = 2_000;

/** Decisions that go to Redis in one script call, in the order in which they were added. */
export class TakeBatch {
  readonly #entities = new Map<string, { readonly number: string; readonly lengths: string }>();
  readonly #shapes = new ShapeTable();
  readonly #verdictKeys: string[] = [];
  readonly #calls: PlannedCall[] = [];
  readonly #decisions: (PlannedTake & { readonly counterArgs: readonly string[] })[] = [];
  #counters = 0;

  /** @returns false, with nothing added, when the decision has to go in a later batch. */
  add(take: PlannedTake): boolean {
    const { verdictKey, plan, call } = take;
    if (this.#decisions.length > 0 && take.slot !== this.slot) return false;
    if (!this.#fits(plan)) return false;
    this.#counters += plan.counters.length;
    this.#verdictKeys.push(verdictKey);
    if (call) this.#calls.push(call);
    const counterArgs = [String(plan.counters.length)];
    for (const { key, shape, cost } of plan.counters) {
      counterArgs.push(this.#entity(key, shape.lengths), this.#shapes.numberOf(shape), cost);
    }
    this.#decisions.push({ ...take, counterArgs });
    return true;
  }

  /** Of the decisions in it. */
  get slot(): string {
    return this.#decisions[0]?.slot ?? '';
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
    for (const { fingerprint, plan, call, counterArgs } of this.#decisions) {
      args.push(fingerprint, String(plan.mark), call ? String((place += 1)) : '0');
      if (call) args.push(call.callId, call.lifeMs, call.text);
      for (const arg of counterArgs) args.push(arg);
    }
    return args;
  }

  #fits({ counters }: Plan): boolean {
    if (this.#counters > 0 && this.#counters + counters.length > MAX_COUNTERS) return false;
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
