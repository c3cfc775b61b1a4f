import {
  chooseNearest,
  compileMatch,
  nearnessOf,
  type Match,
  type Nearness,
} from '../scope/match.ts';
import { scopeText, type Dimension, type Scope, type ScopeFacts } from '../scope/scope.ts';
import type { AccountSpec, Period } from './account.ts';
import type { Caps } from './amounts.ts';

/** A budget as it is configured. */
export interface BudgetDefinition {
  readonly id: string;
  /** At least one dimension: every account belongs to a tenant. */
  readonly scope: Scope;
  readonly match: Match;
  readonly period: Period;
  /** IANA name. */
  readonly timeZone: string;
  readonly caps: Caps;
  /** By metric; one that is absent starts anew in every period. */
  readonly rollover: Caps;
  readonly soft: boolean;
  readonly warnPerMille: number;
  readonly degradePerMille: number;
  readonly alertPerMille: readonly number[];
}

export interface BudgetUse {
  readonly rule: string;
  readonly scope: string;
  readonly status: string;
}

/** The accounts that a call is charged to, and what became of every budget that matched. */
export interface BudgetSelection {
  readonly accounts: readonly AccountSpec[];
  readonly uses: readonly BudgetUse[];
}

/** All budgets of one configuration revision, ready to be applied. */
export interface BudgetSet {
  readonly definitions: readonly BudgetDefinition[];
  select(facts: ScopeFacts): BudgetSelection;
}

interface CompiledBudget extends BudgetDefinition {
  readonly nearness: Nearness;
  readonly depth: number;
  readonly matches: (facts: ScopeFacts) => boolean;
}

/**
 * The organization's account is shared by everybody, so it is locked last and for the shortest
 * time.
 */
const DEPTH: Readonly<Record<Dimension, number>> = {
  organization: 0,
  provider: 1,
  agent: 2,
  team: 4,
  user: 8,
};

const NOTHING: BudgetSelection = { accounts: [], uses: [] };

/** Takes in budgets one by one, so that ten thousand need not be compiled in one go. */
export class BudgetCollection {
  readonly #definitions: BudgetDefinition[] = [];
  readonly #budgets: CompiledBudget[] = [];

  add(definition: BudgetDefinition): void {
    this.#definitions.push(definition);
    this.#budgets.push(compileBudget(definition));
  }

  /** Of all that were taken in; none may be added afterwards. */
  done(): BudgetSet {
    const definitions = Object.freeze(this.#definitions);
    const budgets = this.#budgets.sort((a, b) => (a.id < b.id ? -1 : 1));
    return {
      definitions,
      select: (facts) => (budgets.length === 0 ? NOTHING : select(budgets, facts)),
    };
  }
}

function compileBudget(definition: BudgetDefinition): CompiledBudget {
  return {
    ...definition,
    nearness: nearnessOf(definition.scope, definition.match, definition.period),
    depth: definition.scope.reduce((sum, dimension) => sum + DEPTH[dimension], 0),
    matches: compileMatch(definition.match),
  };
}

function select(budgets: readonly CompiledBudget[], facts: ScopeFacts): BudgetSelection {
  const accounts: AccountSpec[] = [];
  const uses: BudgetUse[] = [];
  for (const { definition, replacedBy } of chooseNearest(
    budgets.filter((one) => one.matches(facts)),
  )) {
    const scope = scopeText(definition.scope, facts);
    if (replacedBy === undefined) accounts.push(accountOf(definition, scope));
    const status = replacedBy === undefined ? 'applies' : `replaced by ${replacedBy}`;
    uses.push({ rule: definition.id, scope, status });
  }
  return { accounts, uses };
}

function accountOf(budget: CompiledBudget, owner: string): AccountSpec {
  const { id, period, timeZone, caps, rollover, soft, depth } = budget;
  const { warnPerMille, degradePerMille, alertPerMille } = budget;
  return {
    budgetId: id,
    owner,
    period,
    timeZone,
    caps,
    rollover,
    soft,
    depth,
    warnPerMille,
    degradePerMille,
    alertPerMille,
  };
}
