import type { BudgetLedger } from '../../src/decision/ports.ts';

interface Waiting {
  readonly settles: boolean;
  readonly requestId: string;
  readonly ask: () => Promise<{ readonly kind: string }>;
  readonly resolve: (outcome: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A ledger that decides one operation after the other, made to decide what arrives together nearly
 * as the SQL ledger does: settlements first, then what is asked for, each in the order of arrival.
 * (There a batch also brings its configuration before anything in it is decided.)
 */
export function groupedLedger(ledger: BudgetLedger): BudgetLedger {
  let group: Waiting[] = [];
  const submit = <T extends { readonly kind: string }>(
    settles: boolean,
    requestId: string,
    ask: () => Promise<T>,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      if (group.length === 0) {
        queueMicrotask(() => {
          const all = group;
          group = [];
          decide(all).catch(reject);
        });
      }
      group.push({ settles, requestId, ask, resolve, reject });
    });
  return {
    hold: (request) => submit(false, request.requestId, () => ledger.hold(request)),
    commit: (request) => submit(true, request.requestId, () => ledger.commit(request)),
    release: (request) => submit(true, request.requestId, () => ledger.release(request)),
    extend: (request) => submit(false, request.requestId, () => ledger.extend(request)),
    recall: (...request) => ledger.recall(...request),
    read: (...request) => ledger.read(...request),
    reservation: (...request) => ledger.reservation(...request),
    accounts: (query) => ledger.accounts(query),
    usage: (query) => ledger.usage(query),
    expire: (most) => ledger.expire(most),
    archive: (...request) => ledger.archive(...request),
    health: () => ledger.health(),
    close: () => ledger.close(),
  };
}

async function decide(group: readonly Waiting[]): Promise<void> {
  const ids = new Set<string>();
  const firsts = group.filter(({ requestId }) => !ids.has(requestId) && ids.add(requestId));
  const repeats = group.filter((one) => !firsts.includes(one));
  const inOrder = [
    ...firsts.filter(({ settles }) => settles),
    ...firsts.filter(({ settles }) => !settles),
    ...repeats,
  ];
  const losers: Waiting[] = [];
  for (const one of inOrder) {
    try {
      const outcome = await one.ask();
      // Who comes too late is told the state after the whole group.
      if (one.settles && outcome.kind === 'wrong_state') losers.push(one);
      else one.resolve(outcome as never);
    } catch (error) {
      one.reject(error);
    }
  }
  for (const one of losers) one.resolve((await one.ask()) as never);
}
