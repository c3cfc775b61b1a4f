/**
 * Budgets over many periods, as simply as it can be said. Nothing is kept but what happened: what
 * each account has in use, the caps it was last configured with, and which were opened. What is
 * carried follows from that alone, whenever somebody asks.
 */
export interface PeriodRules {
  readonly period: 'daily' | 'monthly';
  readonly timeZone: string;
  readonly alerts: readonly number[];
}

interface Opened {
  /** First day of the period, YYYY-MM-DD. */
  readonly name: string;
  cap: number;
  soft: boolean;
  /** The most that may be carried into it, as configured when it was opened. */
  readonly rollover: number;
  held: number;
  committed: number;
  alerted: number;
}

interface Call {
  readonly account: Opened;
  state: 'open' | 'committed' | 'released';
  held: number;
  committed: number;
}

export interface Configured {
  readonly cap: number;
  readonly rollover: number;
  readonly soft: boolean;
}

export class PeriodModel {
  readonly told: string[] = [];
  readonly #rules: PeriodRules;
  readonly #accounts: Opened[] = [];
  readonly #calls: Call[] = [];

  constructor(rules: PeriodRules) {
    this.#rules = rules;
  }

  /** @returns whether it was held; the call's number is the count of calls before it. */
  hold(atMs: number, amount: number, configured: Configured): boolean {
    const account = this.#open(atMs, configured);
    account.cap = configured.cap;
    account.soft = configured.soft;
    const fits = amount <= this.roomOf(account) && account.cap > 0;
    const held = account.soft || fits;
    if (held) account.held += amount;
    const state = held ? 'open' : 'released';
    this.#calls.push({ account, state, held: held ? amount : 0, committed: 0 });
    this.#tell();
    return held;
  }

  commit(call: number, actual: number): boolean {
    return this.#settle(call, 'committed', actual);
  }

  release(call: number): boolean {
    return this.#settle(call, 'released', 0);
  }

  extend(call: number, amount: number): 'held' | 'denied' | 'wrong_state' {
    const one = this.#calls[call];
    if (one?.state !== 'open') return 'wrong_state';
    const fits = amount === 0 || one.account.soft || amount <= this.roomOf(one.account);
    if (!fits) return 'denied';
    one.account.held += amount;
    one.held += amount;
    this.#tell();
    return 'held';
  }

  /** As the ledger lists accounts: name, cap in force, carried, held, committed. */
  lines(): string[] {
    return this.#accounts.map((one) => {
      const cap = one.cap === 0 ? 0 : one.cap + this.#carried(one) - this.#passedOn(one);
      return [one.name, cap, this.#carried(one), one.held, one.committed].join(' ');
    });
  }

  roomOf(account: Opened): number {
    return this.#rest(account) - this.#passedOn(account);
  }

  #settle(call: number, state: 'committed' | 'released', actual: number): boolean {
    const one = this.#calls[call];
    if (one?.state !== 'open') return false;
    one.account.held -= one.held;
    one.account.committed += actual;
    Object.assign(one, { state, held: 0, committed: actual });
    this.#tell();
    return true;
  }

  #open(atMs: number, { cap, rollover, soft }: Configured): Opened {
    const name = this.#periodOf(atMs);
    const known = this.#accounts.find((one) => one.name === name);
    if (known) return known;
    const opened = { name, cap, soft, rollover, held: 0, committed: 0, alerted: 0 };
    this.#accounts.push(opened);
    return opened;
  }

  /** Cap and what was carried, without what is in use; below 0 after an overrun. */
  #rest(account: Opened): number {
    return account.cap + this.#carried(account) - account.held - account.committed;
  }

  #carried(account: Opened): number {
    const before = this.#accounts[this.#accounts.indexOf(account) - 1];
    if (!before || account.rollover === 0) return 0;
    const idle = this.#periodsBetween(before.name, account.name) - 1;
    return Math.min(account.rollover, Math.max(0, this.#rest(before)) + idle * before.cap);
  }

  #passedOn(account: Opened): number {
    const next = this.#accounts[this.#accounts.indexOf(account) + 1];
    return next ? Math.min(this.#carried(next), Math.max(0, this.#rest(account))) : 0;
  }

  #tell(): void {
    for (const account of this.#accounts) {
      const cap = account.cap + this.#carried(account);
      if (cap === 0) continue;
      const share = Math.floor(((account.held + account.committed) * 1000) / cap);
      for (const alert of this.#rules.alerts) {
        if (alert <= account.alerted || alert > share) continue;
        account.alerted = alert;
        this.told.push(`${account.name}@${alert}`);
      }
    }
  }

  #periodOf(atMs: number): string {
    const day = new Intl.DateTimeFormat('en-CA', { timeZone: this.#rules.timeZone }).format(atMs);
    return this.#rules.period === 'daily' ? day : `${day.slice(0, 7)}-01`;
  }

  #periodsBetween(from: string, to: string): number {
    const [start, end] = [new Date(from), new Date(to)];
    if (this.#rules.period === 'daily') return Math.round((+end - +start) / 86_400_000);
    const years = end.getUTCFullYear() - start.getUTCFullYear();
    return years * 12 + end.getUTCMonth() - start.getUTCMonth();
  }
}
