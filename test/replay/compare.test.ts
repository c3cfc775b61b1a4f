import { describe, expect, test } from 'vitest';

import type { Amounts } from '../../src/budgets/amounts.ts';
import type { Snapshot } from '../../src/decision/snapshot.ts';
import { compare, type ReplayReport } from '../../src/replay/compare.ts';
import type { ReplayedLine } from '../../src/replay/line.ts';
import { reachMs } from '../../src/replay/reach.ts';
import { recordSide } from '../../src/replay/record-side.ts';
import type { AskedEvent, ReplayEvent } from '../../src/replay/replay-event.ts';
import { WorldSide } from '../../src/replay/world-side.ts';
import { callOf, snapshotOf } from '../support/recorded-world.ts';

const NOON_MS = Date.UTC(2026, 10, 18, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const BASE = `
version: 1
tenants:
  - { id: acme, name: Acme }
agents:
  - { id: copilot, name: Copilot, provider: azure_openai, model: gpt-4 }
policies:
  - id: work
    name: Everybody may work
    effect: allow
`;
const ASKING = `${BASE}
  - id: abroad
    name: Nothing leaves the country
    effect: deny
    conditions:
      - { type: location, countries: [FR] }
  - id: cases
    name: Closed cases are closed
    effect: deny
    conditions:
      - { type: attribute, name: case, equals: [closed] }
`;
const CAPPED = `${BASE}
budgets:
  - { id: cap, scope: organization, period: daily, caps: { cost_usd: '0.10' } }
`;

function amounts(costMicroUsd: bigint): Amounts {
  return { costMicroUsd, inputTokens: 0n, outputTokens: 0n, invocations: 1n };
}

let asked = 0;

/** A Reserve at $0.048, held as res_<n> unless said otherwise. */
function reserve(change: Partial<AskedEvent> = {}): AskedEvent {
  asked += 1;
  const decidedAtMs = change.decidedAtMs ?? NOON_MS + asked;
  return {
    kind: 'asked',
    operation: 'reserve',
    id: `dec_${asked}`,
    requestId: `r-${asked}`,
    call: callOf('acme'),
    decidedAtMs,
    heldAtMs: decidedAtMs,
    holdForMs: MINUTE_MS,
    acceptPartial: false,
    authorizedBy: '',
    reservationId: `res_${asked}`,
    before: answered('allow', 'policy.allowed'),
    usage: undefined,
    ...change,
  };
}

type Code = ReplayedLine['before']['reasons'][number]['code'];

function answered(effect: 'allow' | 'deny', code: Code): AskedEvent['before'] {
  const reasons = [{ code, message: `${code}.` }];
  return { effect, reasons, baseMicroUsd: 40_000n, calibrationPerMille: 1_000n };
}

function denied(code: Code, change: Partial<AskedEvent> = {}): AskedEvent {
  return reserve({ before: answered('deny', code), reservationId: '', ...change });
}

function end(
  of: AskedEvent,
  kind: 'commit' | 'release' | 'expiry' = 'commit',
  costMicroUsd = 40_000n,
): ReplayEvent {
  const { reservationId, decidedAtMs } = of;
  const actual = amounts(kind === 'release' ? 0n : costMicroUsd);
  return { kind, atMs: decidedAtMs + 1, tenant: 'acme', reservationId, actual };
}

async function* paged(events: readonly ReplayEvent[]): AsyncGenerator<readonly ReplayEvent[]> {
  for (const event of events) yield [event];
}

interface Told {
  readonly report: ReplayReport;
  readonly lines: readonly ReplayedLine[];
}

async function replay(
  candidate: string | Snapshot,
  events: readonly ReplayEvent[],
  fromMs = -Infinity,
): Promise<Told> {
  const lines: ReplayedLine[] = [];
  const snapshot = typeof candidate === 'string' ? snapshotOf(candidate) : candidate;
  const report = await compare(paged(events), {
    before: recordSide,
    after: new WorldSide(snapshot),
    knowsSpendBefore: true,
    fromMs,
    mostFlips: 100,
    onLine: (line) => lines.push(line),
  });
  return { report, lines };
}

describe('X9 flips', () => {
  test('a candidate that denies what was allowed, with the reasons of both sides', async () => {
    const [first, second, third] = [reserve(), reserve(), reserve()];
    const events = [first, end(first), second, end(second), third, end(third)];
    const { report, lines } = await replay(CAPPED, events);
    expect(report.flips).toMatchObject([
      {
        id: third.id,
        flip: 'denied',
        before: { effect: 'allow', reasons: [{ code: 'policy.allowed' }] },
        after: {
          effect: 'deny',
          reasons: [
            { code: 'policy.allowed' },
            { code: 'budget.exceeded', rule: 'cap', remaining: 20_000n, requested: 48_000n },
          ],
        },
      },
    ]);
    expect(report.totals).toMatchObject({
      decisions: 3,
      flippedToDenied: 1,
      flippedToAllowed: 0,
      spentBeforeMicroUsd: 120_000n,
      spentAfterMicroUsd: 80_000n,
    });
    expect(report.reasons).toMatchObject([
      { name: 'budget.exceeded cap', deniedBefore: 0, deniedAfter: 1, flippedToDenied: 1 },
    ]);
    expect(report.agents).toMatchObject([{ name: 'acme/copilot', decisions: 3 }]);
    expect(report.days).toMatchObject([{ name: '2026-11-18', decisions: 3 }]);
    expect(lines.map(({ after }) => after.committedMicroUsd)).toEqual([40_000n, 40_000n, 0n]);
  });

  test('what is allowed now and was denied then is charged at its estimate', async () => {
    const { report } = await replay(BASE, [denied('budget.exceeded'), denied('policy.denied')]);
    expect(report.totals).toMatchObject({ flippedToAllowed: 2, spentAfterMicroUsd: 96_000n });
    expect(report.coverage).toMatchObject({ decisions: 2, replayed: 2, assumed: 2 });
  });

  test('a Reserve that came with a token goes the way of its Authorize', async () => {
    const authorize = reserve({ operation: 'authorize', reservationId: '' });
    const held = reserve({ authorizedBy: authorize.id });
    const none = snapshotOf(BASE.replace('effect: allow', 'effect: deny'));
    const { report } = await replay(none, [authorize, held, end(held)]);
    expect(report.flips.map(({ after }) => after.reasons[0]?.code)).toEqual([
      'policy.denied',
      'policy.denied',
    ]);
    expect((await replay(BASE, [authorize, held, end(held)])).report.flips).toEqual([]);
  });

  test('an extension is decided again, and left out where its call is not held', async () => {
    const call = reserve();
    const extended: ReplayEvent = {
      kind: 'extended',
      id: 'dec_more',
      requestId: 'r-more',
      tenant: 'acme',
      agent: 'copilot',
      decidedAtMs: call.decidedAtMs + 1,
      heldAtMs: call.decidedAtMs + 1,
      reservationId: call.reservationId,
      add: { ...amounts(60_000n), invocations: 0n },
      holdForMs: undefined,
      before: answered('allow', 'policy.allowed')!,
    };
    const { report } = await replay(CAPPED, [call, extended, end(call)]);
    expect(report.flips).toMatchObject([{ operation: 'extend', flip: 'denied' }]);
    const nothing = await replay(BASE.replace('id: acme', 'id: other'), [call, extended]);
    expect(nothing.report.coverage).toMatchObject({
      extensionsWithoutCall: 1,
      refused: [{ why: 'unknown_tenant', decisions: 1 }],
    });
  });
});

describe('X9 coverage', () => {
  test('says which facts a policy asks for and the record lacks', async () => {
    const known = { country: 'DE', attributes: { case: 'open' } };
    const { report } = await replay(ASKING, [
      reserve({ call: callOf('acme', known) }),
      reserve({ call: callOf('acme', { ...known, country: '' }) }),
      reserve(),
    ]);
    expect(report.coverage).toMatchObject({
      decisions: 3,
      replayed: 3,
      complete: 1,
      lacking: [
        { fact: 'attributes.case', decisions: 1 },
        { fact: 'country', decisions: 2 },
      ],
      withoutTokens: 3,
    });
  });

  test('what an outage decided is told apart: no flip, and its denials are not asked again', async () => {
    const uncharged = reserve({ before: answered('allow', 'ledger.outage_allowed') });
    const { report } = await replay(BASE.replace('effect: allow', 'effect: deny'), [
      denied('ledger.unavailable'),
      denied('limit.unavailable'),
      denied('record.unavailable'),
      uncharged,
    ]);
    expect(report.flips).toEqual([]);
    expect(report.coverage).toMatchObject({ decisions: 4, replayed: 1, byOutage: 4 });
  });

  test('a token that was refused then is not recorded, so its Reserve is left out', async () => {
    const { report } = await replay(BASE, [denied('token.invalid'), denied('token.used')]);
    expect(report.coverage).toMatchObject({ decisions: 2, replayed: 0, byToken: 2 });
    expect(report.totals.decisions).toBe(0);
  });

  test('calls that other prices estimate are charged by their tokens', async () => {
    const call = reserve({
      before: { ...answered('allow', 'policy.allowed')!, baseMicroUsd: 11n },
    });
    const { report, lines } = await replay(BASE, [call, end(call, 'commit', 13n)]);
    expect(report.coverage.repriced).toBe(1);
    expect(lines).toMatchObject([
      { before: { committedMicroUsd: 13n }, after: { committedMicroUsd: 40_000n } },
    ]);
  });

  test('the end of a call that nobody held is counted and left out', async () => {
    const { report } = await replay(BASE, [end(reserve())]);
    expect(report.coverage.endsWithoutCall).toBe(1);
    expect(report.totals.spentAfterMicroUsd).toBe(0n);
  });
});

describe('X9 ends of calls', () => {
  test('a release charges nothing, an expiry the hold, a late commit what it says', async () => {
    const [released, expired, late, open] = [reserve(), reserve(), reserve(), reserve()];
    const { lines, report } = await replay(BASE, [
      ...[released, expired, late, open],
      end(released, 'release'),
      end(expired, 'expiry', 48_000n),
      end(late, 'expiry', 48_000n),
      end(late, 'commit', 7n),
    ]);
    const charged = new Map(lines.map(({ id, after }) => [id, after.committedMicroUsd]));
    expect(charged).toEqual(
      new Map([
        [released.id, 0n],
        [late.id, 7n],
        [expired.id, 48_000n],
        [open.id, 0n],
      ]),
    );
    expect(report.totals.spentAfterMicroUsd).toBe(48_007n);
    expect(report.totals.spentBeforeMicroUsd).toBe(48_007n);
  });
});

describe('X9 --from', () => {
  test('what came before has its effect and is not told of', async () => {
    const [first, second, third] = [reserve(), reserve(), reserve()];
    const events = [first, end(first), second, end(second), third, end(third)];
    const { report, lines } = await replay(CAPPED, events, third.decidedAtMs);
    expect(lines.map(({ id }) => id)).toEqual([third.id]);
    expect(report.coverage.decisions).toBe(1);
    expect(report.totals).toMatchObject({ decisions: 1, flippedToDenied: 1 });
  });

  test('reaches back as far as windows and periods do', () => {
    const at = NOON_MS;
    const midnight = Date.UTC(2026, 10, 18);
    const limited = `${BASE}
limits:
  - { id: hourly, scope: user, windows: [{ limit: 5, per: hour }] }
`;
    expect(reachMs(snapshotOf(BASE), at)).toBe(at);
    expect(reachMs(snapshotOf(CAPPED), at)).toBe(midnight);
    expect(reachMs(snapshotOf(limited), at)).toBe(at - DAY_MS / 12);
    expect(reachMs(snapshotOf(CAPPED.replace('daily', 'total')), at)).toBe(-Infinity);
    const carried = CAPPED.replace('caps: {', "rollover: { cost_usd: '1' }, caps: {");
    expect(reachMs(snapshotOf(carried), at)).toBe(-Infinity);
  });
});
