import type { Lineage } from '../../src/decision/ports.ts';
import type { DecisionRecord } from '../../src/decision/record.ts';
import { recordIn } from '../support/record-rows.ts';

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
  /** As they came. */
  readonly rows: string[] = [];
  readonly #records = new Map<string, DecisionRecord>();

  async append(rows: readonly Uint8Array[]): ReturnType<Lineage['append']> {
    this.appends.push(rows.length);
    if (this.away) return { kind: 'unavailable', problem: 'switched off' };
    const records = rows.map(recordIn);
    if (records.some(({ decision }) => this.poison.has(decision.decisionId))) {
      throw new Error('this record breaks the store');
    }
    for (const [index, record] of records.entries()) {
      const id = record.decision.decisionId;
      if (this.#records.has(id)) continue;
      this.#records.set(id, record);
      this.rows.push(Buffer.from(rows[index]!).toString());
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
