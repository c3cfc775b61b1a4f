import type { Lineage } from '../../src/decision/ports.ts';
import type { DecisionRecord } from '../../src/decision/record.ts';

/**
 * A Lineage that answers what the test says, to reach the journal's own states. Real stores are in
 * test/faults.
 */
export class ScriptedLineage implements Pick<Lineage, 'append'> {
  /**
   * What the next appends do. `fail` rejects, as a defect would, when a record is one of `poison`.
   */
  away = false;
  poison = new Set<string>();
  readonly appends: number[] = [];
  readonly #records = new Map<string, DecisionRecord>();

  async append(records: readonly DecisionRecord[]): ReturnType<Lineage['append']> {
    this.appends.push(records.length);
    if (this.away) return { kind: 'unavailable', problem: 'switched off' };
    if (records.some(({ decision }) => this.poison.has(decision.decisionId))) {
      throw new Error('this record breaks the store');
    }
    for (const record of records) {
      const id = record.decision.decisionId;
      if (!this.#records.has(id)) this.#records.set(id, record);
    }
    return 'appended';
  }

  get records(): readonly DecisionRecord[] {
    return [...this.#records.values()];
  }

  /** Request ids in the order in which they came. */
  get requests(): readonly string[] {
    return this.records.map(({ requestId }) => requestId);
  }
}
