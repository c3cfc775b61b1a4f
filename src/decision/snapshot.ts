import type { BudgetSet } from '../budgets/budget-set.ts';
import type { LimitSet } from '../limits/limit-set.ts';
import type { PersonField } from '../person/person.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { PriceTable } from '../pricing/price-table.ts';
import type { ScopeFacts } from '../scope/scope.ts';

/** A registered external agent. */
export interface Agent {
  readonly id: string;
  readonly name: string;
  /** Platform that prices it and that provider conditions ask for, for example "copilot_studio". */
  readonly provider: string;
  readonly version: string;
  /** Prices tokens when a call names no model; empty means the table's `other`. */
  readonly model: string;
  readonly enabled: boolean;
}

/** What of a call is kept besides the facts that decide. */
export interface RecordRules {
  /** Of a person; none of the others is stored. */
  readonly personalData: readonly PersonField[];
  /** Personal data of a call that says nothing of consent is not stored. */
  readonly consentRequired: boolean;
  /** Error texts of calls and reasons of releases. */
  readonly errorMessages: boolean;
}

/** An organization. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** Agents that it may call, by id. */
  readonly agents: Pick<ReadonlyMap<string, Agent>, 'get'>;
  readonly record: RecordRules;
}

/** One compiled, immutable revision of the whole configuration. */
export interface Snapshot {
  /** `<number>-<8 hex digits of the content>`. */
  readonly revision: string;
  /** Grows with every change; callers may demand a least one. */
  readonly revisionNumber: bigint;
  readonly loadedAtMs: number;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /**
   * Tier of a caller (src/scope/tier.ts); called before the tier itself is known, with `tier: ''`.
   */
  readonly tierOf: (facts: ScopeFacts) => string;
  readonly policies: PolicySet;
  readonly limits: LimitSet;
  readonly budgets: BudgetSet;
  readonly prices: PriceTable;
}
