import type { AccountReading } from '../../budgets/account.ts';
import { amountsOf, foundAccount, readingOf, type FoundAccount } from './account-line.ts';
import { plus } from '../../budgets/amounts.ts';

/**
 * The accounts of one batch while its entries are gone through again, in order: what each of them
 * found.
 */
export class BatchReplay {
  readonly #accounts: ReadonlyMap<string, FoundAccount>;

  /** @param lines of the accounts before the batch, with their identities */
  constructor(lines: readonly string[]) {
    this.#accounts = new Map(lines.map(foundAccount).map((one) => [one.accountKey, one]));
  }

  /** As they stand now, in the order of the keys. */
  readings(keys: readonly string[]): readonly AccountReading[] {
    return keys.flatMap((key) => {
      const account = this.#accounts.get(key);
      return account ? [readingOf(account)] : [];
    });
  }

  /** @param delta as tollgate.delta_text writes it */
  apply(keys: readonly string[], delta: string): void {
    const [held = '', committed = ''] = delta.split('|');
    for (const key of keys) {
      const account = this.#accounts.get(key);
      if (!account) continue;
      account.held = plus(account.held, amountsOf(held));
      account.committed = plus(account.committed, amountsOf(committed));
    }
  }
}
