import type { AccountReading } from '../../budgets/account.ts';
import { METRICS, type Amounts, type Caps } from '../../budgets/amounts.ts';

/** An account as a batch found it, to be read again after each of its operations. */
export interface FoundAccount {
  readonly accountKey: string;
  readonly account: string;
  readonly identity: Omit<AccountReading, 'committed' | 'held'>;
  committed: Amounts;
  held: Amounts;
}

/** Fields of tollgate.balance_line and of the account's identity before the id. */
const LINE_FIELDS = 29;
const CAPS_AT = 4;
const CARRIED_AT = 9;
const PASSED_ON_AT = 14;
const COMMITTED_AT = 19;
const HELD_AT = 23;
const PERIOD_AT = 27;

/** Reads a line. Owners may hold any character, so the id comes last. */
export function foundAccount(line: string): FoundAccount {
  const fields = line.split('|', LINE_FIELDS);
  const account = line.slice(fields.join('|').length + 1);
  const field = (index: number): string => fields[index] ?? '';
  const [start, end] = [field(PERIOD_AT), field(PERIOD_AT + 1)];
  return {
    accountKey: field(0),
    account,
    identity: {
      account,
      budgetId: account.slice(0, account.indexOf('/')),
      owner: account.slice(account.indexOf('/') + 1, account.lastIndexOf('/')),
      ...(start !== '' && { periodStartMs: Number(start) }),
      ...(end !== '' && { periodEndMs: Number(end) }),
      caps: effectiveCaps(fields),
      carried: carriedOf(fields),
      soft: field(1) === '1',
      warnPerMille: Number(field(2)),
      degradePerMille: Number(field(3)),
    },
    committed: amountsAt(fields, COMMITTED_AT),
    held: amountsAt(fields, HELD_AT),
  };
}

export function readingOf(found: FoundAccount): AccountReading {
  return { ...found.identity, committed: found.committed, held: found.held };
}

/** Reads one line that stands alone. */
export function accountOf(line: string): AccountReading {
  return readingOf(foundAccount(line));
}

/** Reads "cost,input,output,invocations". */
export function amountsOf(text: string): Amounts {
  return amountsAt(text.split(','), 0);
}

function amountsAt(fields: readonly string[], at: number): Amounts {
  return {
    costMicroUsd: BigInt(fields[at] ?? ''),
    inputTokens: BigInt(fields[at + 1] ?? ''),
    outputTokens: BigInt(fields[at + 2] ?? ''),
    invocations: BigInt(fields[at + 3] ?? ''),
  };
}

/** What may be used: the cap, with what was carried into the period, without what left it. */
function effectiveCaps(fields: readonly string[]): Caps {
  const caps: { -readonly [Metric in keyof Caps]: Caps[Metric] } = {};
  METRICS.forEach((metric, index) => {
    const cap = fields[CAPS_AT + index] ?? '';
    if (cap === '') return;
    const [carried, passedOn] = [fields[CARRIED_AT + index], fields[PASSED_ON_AT + index]];
    // A cap of 0 blocks, whatever was carried.
    if (cap === '0' || (carried === '0' && passedOn === '0')) caps[metric] = BigInt(cap);
    else caps[metric] = BigInt(cap) + BigInt(carried ?? '0') - BigInt(passedOn ?? '0');
  });
  return caps;
}

function carriedOf(fields: readonly string[]): Caps {
  const carried: { -readonly [Metric in keyof Caps]: Caps[Metric] } = {};
  METRICS.forEach((metric, index) => {
    const amount = fields[CARRIED_AT + index] ?? '0';
    if (amount !== '0') carried[metric] = BigInt(amount);
  });
  return carried;
}
