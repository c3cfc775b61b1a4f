import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { RecordedEvent, RecordedRange } from '../../src/decision/recorded-event.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import {
  embeddedFixture,
  postgresFixture,
  type LedgerFixture,
} from '../conformance/ledger/fixtures.ts';
import {
  accountOf,
  commitOf,
  extendOf,
  holdOf,
  MINUTE_MS,
  recordOf,
  releaseOf,
  usd,
} from '../conformance/ledger/requests.ts';
import { rowsOf } from '../support/record-rows.ts';

/** Later than today: records are sealed into the chain by the store's own clock. */
const START_MS = Date.UTC(2040, 10, 18, 12);

describe.each([
  ['embedded', embeddedFixture],
  ['postgres', postgresFixture],
] as const)('X9 the record on %s', (_name, open) => {
  let fixture: LedgerFixture;
  let stores: LedgerStores;
  let tenant: string;

  beforeAll(async () => {
    fixture = await open();
    stores = fixture.open();
  });
  beforeEach(() => {
    fixture.clock.set(START_MS);
    tenant = randomUUID();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  async function read(range: RecordedRange): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    await stores.recorded(range, async (pages) => {
      for await (const page of pages) events.push(...page);
    });
    return events;
  }

  const decisionsIn = (events: readonly RecordedEvent[]) =>
    events.flatMap((event) => (event.kind === 'decision' ? [event] : []));

  test('what was decided together is told one by one, denials as they were answered', async () => {
    const holds = Array.from({ length: 40 }, (_, index) =>
      holdOf(tenant, [accountOf(), accountOf({ budgetId: 'calls', caps: { invocations: 8n } })], {
        amounts: { costMicroUsd: usd((index % 4) + 0.5) },
      }),
    );
    await Promise.all(holds.map((request) => stores.ledger.hold(request)));
    fixture.clock.advance(1);
    const again = Array.from({ length: 10 }, () => holdOf(tenant));
    await Promise.all([
      ...again.map((request) => stores.ledger.hold(request)),
      ...holds.slice(0, 5).map((request) => stores.ledger.commit(commitOf(request))),
    ]);
    const decisions = decisionsIn(await read({ tenant }));
    expect(decisions).toHaveLength(50);
    const denied = decisions.filter(({ hold }) => hold === undefined);
    expect(denied.length).toBeGreaterThan(10);
    for (const { record } of denied) {
      const stored = await stores.lineage.get(tenant, record.decision.decisionId);
      expect(stored).toMatchObject({ decision: record.decision });
    }
  });

  test('every kind of event comes with what it moved and when', async () => {
    const [a, b, c] = [
      holdOf(tenant, undefined, { authorizedBy: 'dec_authorized' }),
      holdOf(tenant, undefined, { amounts: { costMicroUsd: usd(20) }, acceptPartial: true }),
      holdOf(tenant, []),
    ];
    await stores.ledger.hold(a);
    fixture.clock.advance(1);
    await stores.ledger.hold(b);
    fixture.clock.advance(1);
    await stores.ledger.hold(c);
    const passing = recordOf(tenant, {
      decision: { decisionId: `dec_${tenant}`, effect: 'deny', decidedAtMs: START_MS + 3 },
    });
    await stores.lineage.append(rowsOf(passing));
    fixture.clock.advance(2);
    await stores.ledger.extend(extendOf(c, { outputTokens: 5n }, { holdForMs: 9 * MINUTE_MS }));
    fixture.clock.advance(1);
    await stores.ledger.commit(commitOf(a, { costMicroUsd: usd(2) }));
    fixture.clock.advance(1);
    await stores.ledger.release(releaseOf(c));
    fixture.clock.advance(5 * MINUTE_MS);
    await stores.ledger.expire(10);
    fixture.clock.advance(1);
    await stores.ledger.commit(commitOf(b, { costMicroUsd: usd(3) }));

    const events = await read({ tenant });
    const told = events.map((event) =>
      event.kind === 'decision'
        ? [event.atMs - START_MS, event.record.operation, event.hold?.held.costMicroUsd]
        : [event.atMs - START_MS, event.kind, event.actual.costMicroUsd],
    );
    expect(told).toEqual([
      [0, 'reserve', usd(1)],
      [1, 'reserve', usd(9)],
      [2, 'reserve', usd(1)],
      [3, 'reserve', undefined],
      [4, 'extend', usd(1)],
      [5, 'commit', usd(2)],
      [6, 'release', 0n],
      [6 + 5 * MINUTE_MS, 'expiry', usd(9)],
      [7 + 5 * MINUTE_MS, 'commit', usd(3)],
    ]);
    const [first, , , other, extended] = decisionsIn(events);
    expect(first?.hold).toMatchObject({
      reservationId: a.reservationId,
      authorizedBy: 'dec_authorized',
      expiresAtMs: START_MS + 5 * MINUTE_MS,
    });
    expect(other?.record.decision.decisionId).toBe(`dec_${tenant}`);
    expect(extended?.hold?.expiresAtMs).toBe(START_MS + 4 + 9 * MINUTE_MS);
  });

  test('a range, one tenant or all, and what was archived', async () => {
    const neighbour = randomUUID();
    for (const [index, whose] of [tenant, neighbour, tenant, neighbour].entries()) {
      fixture.clock.set(START_MS + 1_000_000 + index * 1_000);
      const request = holdOf(whose);
      await stores.ledger.hold(request);
      await stores.ledger.release(releaseOf(request));
    }
    const range = { fromMs: START_MS + 1_001_000, toMs: START_MS + 1_003_000 };
    const kinds = async (narrowed: RecordedRange) =>
      decisionsIn(await read(narrowed)).map(({ record }) => record.facts.tenant);
    expect(await kinds(range)).toEqual([neighbour, tenant]);
    expect(await kinds({ ...range, tenant })).toEqual([tenant]);
    const before = await read({ tenant });
    expect(before).toHaveLength(4);
    fixture.clock.advance(MINUTE_MS);
    expect(await stores.ledger.archive(0, 10_000)).toBeGreaterThan(3);
    expect(await read({ tenant })).toEqual(before);
  });
});
