import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import type { JournalEvent } from '../../src/stores/journal/journal-event.ts';
import { JOURNAL_EVENTS, logExpiry, logJournal } from '../../src/telemetry/event-log.ts';
import { newCount } from '../../src/telemetry/series.ts';
import { StoreWatch } from '../../src/telemetry/store-watch.ts';
import { keptLog } from './lines.ts';

/** One event of every kind; the types see to it that none is missing. */
const EVENTS: { readonly [Kind in JournalEvent['kind']]: Extract<JournalEvent, { kind: Kind }> } = {
  adopted: { kind: 'adopted', segments: 1, bytes: 10 },
  refused: { kind: 'refused', records: 3, problem: 'ENOSPC' },
  dropped: { kind: 'dropped', records: 3, problem: 'full' },
  lineage_away: { kind: 'lineage_away', problem: 'down', waiting: 3 },
  lineage_back: { kind: 'lineage_back', waiting: 3 },
  torn: { kind: 'torn', segment: 'a', bytes: 3 },
  damaged: { kind: 'damaged', keptAs: 'a', lines: 3 },
  lost: { kind: 'lost', segment: 'a', records: 3 },
  set_aside: { kind: 'set_aside', keptAs: 'a', decisionId: 'dec_1', problem: 'x' },
};

describe('what the journal tells', () => {
  test('has words of its own for every kind of event, and no others', () => {
    expect(Object.keys(JOURNAL_EVENTS).sort()).toEqual(Object.keys(EVENTS).sort());
  });

  test.each(Object.values(EVENTS))('$kind is a line with its figures', (event) => {
    const log = keptLog('info');
    logJournal(log.logger)(event);
    const { kind, ...fields } = event;
    expect(log.lines).toMatchObject([{ journal: kind, ...fields }]);
  });
});

describe('a store that changes', () => {
  const at = (
    healthy: boolean,
    problem = '',
  ): { adapter: string; healthy: boolean; problem: string } => ({
    adapter: 'redis',
    healthy,
    problem,
  });

  test('is told of when it fails and when it is back', () => {
    const log = keptLog('info');
    const clock = new ManualClock(0);
    const watch = new StoreWatch(log.logger, clock);
    for (const healthy of [true, true, false, false, true, true]) {
      watch.observe('rate_limiter', at(healthy, healthy ? '' : 'refused'));
      clock.advance(1000);
    }
    expect(log.lines).toMatchObject([
      { level: 'warn', store: 'rate_limiter', problem: 'refused', changes: 1 },
      { level: 'info', store: 'rate_limiter', changes: 1 },
    ]);
    expect(watch.states()).toEqual([['rate_limiter', true]]);
  });

  test('and flaps is told of once a second, with the number of changes', () => {
    const log = keptLog('info');
    const clock = new ManualClock(0);
    const watch = new StoreWatch(log.logger, clock);
    for (let change = 0; change < 201; change++) {
      watch.observe('ledger', at(change % 2 === 1, 'refused'));
      clock.advance(10);
    }
    expect(log.lines.length).toBeGreaterThanOrEqual(2);
    expect(log.lines.length).toBeLessThanOrEqual(4);
    expect(log.lines[1]!.changes).toBeGreaterThan(50);
  });
});

describe('expiry of holds', () => {
  test('is counted and logged; failing, it is a line a minute', () => {
    const log = keptLog('info');
    const clock = new ManualClock(0);
    const expired = newCount();
    const expiry = logExpiry(log.logger, expired, clock);
    expiry.done(3);
    for (let second = 0; second < 90; second++) {
      expiry.failed('down');
      clock.advance(1000);
    }
    expect(expired.value).toBe(3);
    expect(log.lines.map(({ level }) => level)).toEqual(['info', 'warn', 'warn']);
  });
});
