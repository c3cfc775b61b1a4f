import type { AccountSpec } from '../../budgets/account.ts';
import { PeriodClock } from '../../budgets/period-clock.ts';
import { LedgerAccount } from './ledger-account.ts';

/** Accounts of one budget and one owner, in the order in which they were opened. */
type Periods = LedgerAccount[];

/** All accounts, by tenant, budget, owner and period. */
export class LedgerAccounts {
  readonly #tenants = new Map<string, Map<string, Map<string, Periods>>>();
  readonly #clocks = new Map<string, PeriodClock>();

  /**
   * The accounts that specs mean at a moment, opened where they are missing and configured as the
   * specs say.
   * @throws RangeError for a zone that this runtime does not know; Error when two specs mean one
   *   account. Nothing has changed then.
   */
  open(tenant: string, specs: readonly AccountSpec[], nowMs: number): LedgerAccount[] {
    const found = specs.map((spec) => this.look(tenant, spec, nowMs));
    for (let index = 1; index < found.length; index += 1) {
      const { id } = found[index]!;
      if (found.findIndex((one) => one.id === id) < index) {
        throw new Error(`a request names an account twice: ${id}`);
      }
    }
    found.forEach((account, index) => this.#keep(tenant, account, specs[index]!));
    return found;
  }

  /** The account that a spec means at a moment; as it would be opened when there is none. */
  look(tenant: string, spec: AccountSpec, nowMs: number): LedgerAccount {
    const clock = this.#clockOf(spec);
    const period = clock.at(nowMs);
    const periods = this.#tenants.get(tenant)?.get(spec.budgetId)?.get(spec.owner) ?? [];
    for (let index = periods.length - 1; index >= 0; index -= 1) {
      const account = periods[index]!;
      if (account.period.name === period.name) return account;
    }
    const { startMs } = period;
    if (startMs === undefined || Object.keys(spec.rollover).length === 0) {
      return new LedgerAccount(spec, period);
    }
    const account = newestBefore(periods, startMs);
    if (!account) return new LedgerAccount(spec, period);
    const idlePeriods = clock.idleBetween(account.period.endMs ?? startMs, startMs);
    return new LedgerAccount(spec, period, { account, idlePeriods });
  }

  /** Of one tenant, in the order of their ids. */
  list(tenant: string): readonly LedgerAccount[] {
    const budgets = [...(this.#tenants.get(tenant)?.values() ?? [])];
    const all = budgets.flatMap((owners) => [...owners.values()].flat());
    return all.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #keep(tenant: string, account: LedgerAccount, spec: AccountSpec): void {
    account.spec = spec;
    const periods = this.#periodsOf(tenant, spec);
    if (periods.includes(account)) return;
    periods.push(account);
    if (!account.predecessor) return;
    account.predecessor.successor = account;
    account.predecessor.carryOver();
  }

  #periodsOf(tenant: string, { budgetId, owner }: AccountSpec): Periods {
    const budgets = made(this.#tenants, tenant, () => new Map<string, Map<string, Periods>>());
    const owners = made(budgets, budgetId, () => new Map<string, Periods>());
    return made(owners, owner, (): Periods => []);
  }

  #clockOf({ period, timeZone }: AccountSpec): PeriodClock {
    return made(this.#clocks, `${period} ${timeZone}`, () => new PeriodClock(period, timeZone));
  }
}

function made<T>(known: Map<string, T>, name: string, make: () => T): T {
  const there = known.get(name);
  if (there !== undefined) return there;
  const fresh = make();
  known.set(name, fresh);
  return fresh;
}

function newestBefore(periods: Periods, startMs: number): LedgerAccount | undefined {
  let newest: LedgerAccount | undefined;
  for (const account of periods) {
    const { endMs } = account.period;
    if (endMs === undefined || endMs > startMs) continue;
    if (!newest || endMs > (newest.period.endMs ?? 0)) newest = account;
  }
  return newest;
}
