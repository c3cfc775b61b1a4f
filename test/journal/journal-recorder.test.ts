import {
  appendFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import type { JournalEvent } from '../../src/stores/journal/journal-event.ts';
import { JournalRecorder, type JournalOptions } from '../../src/stores/journal/journal-recorder.ts';
import { recordRow } from '../../src/decision/record-row.ts';
import { rowsOf } from '../support/record-rows.ts';
import { aRecord } from './records.ts';
import { ScriptedLineage } from './scripted-lineage.ts';

const NOW_MS = 1_795_000_000_000;

let directory: string;
let lineage: ScriptedLineage;
let events: JournalEvent[];
let clock: ManualClock;
let opened: JournalRecorder[];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'tollgate-journal-')), 'journal');
  lineage = new ScriptedLineage();
  events = [];
  clock = new ManualClock(NOW_MS);
  opened = [];
});

afterEach(async () => {
  for (const journal of opened) await journal.close(0);
  await rm(join(directory, '..'), { recursive: true });
});

function open(options: Partial<JournalOptions> = {}): JournalRecorder {
  const journal = new JournalRecorder({
    directory,
    lineage,
    clock,
    report: (event) => events.push(event),
    backoff: { firstMs: 1, mostMs: 5 },
    ...options,
  });
  opened.push(journal);
  return journal;
}

/** Leaves `count` records on disk, as a process does that ends while the Lineage is away. */
async function leaveBehind(count: number, options: Partial<JournalOptions> = {}): Promise<void> {
  lineage.away = true;
  const journal = open(options);
  await Promise.all(range(count).map((number) => journal.record(aRecord(number))));
  await journal.close(0);
  lineage.away = false;
  events.length = 0;
}

const range = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i);
const requests = (count: number): string[] => range(count).map((number) => `request-${number}`);
const files = (suffix: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(suffix))
    .sort();
const kinds = (): string[] => events.map(({ kind }) => kind);

async function drained(journal: JournalRecorder): Promise<void> {
  await vi.waitFor(() => expect(journal.waiting()).toBe(0), { timeout: 10_000, interval: 5 });
}

describe('the journal (R54, P31)', () => {
  test('brings every record to the Lineage once, in order, as it was given', async () => {
    const journal = open();
    const given = range(1200).map((number) => aRecord(number));
    const answers = await Promise.all(given.map((record) => journal.record(record)));
    expect(new Set(answers)).toEqual(new Set(['recorded']));
    await drained(journal);
    expect(lineage.rows).toEqual(given.map(recordRow));
    expect(lineage.records).toStrictEqual(given.map((one) => ({ ...one, person: undefined })));
    expect(Math.max(...lineage.appends)).toBeLessThanOrEqual(500);
  });

  test('has a record on disk before it answers', async () => {
    lineage.away = true;
    const journal = open();
    await journal.record(aRecord(1));
    const [segment] = files('.journal');
    expect(readFileSync(join(directory, segment!), 'utf8')).toContain('"request-1"');
    expect(journal.status()).toMatchObject({ healthy: true, waiting: 1, segments: 1 });
  });

  test('answers records of one turn of the event loop with one write', async () => {
    lineage.away = true;
    const journal = open();
    const answers = range(50).map((number) => journal.record(aRecord(number)));
    expect(files('.journal')).toEqual([]);
    await answers[0];
    const [segment] = files('.journal');
    const lines = readFileSync(join(directory, segment!), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(50);
  });

  test('keeps no file with personal data once everything is in the Lineage (R86)', async () => {
    const journal = open();
    await journal.record(aRecord(1));
    await drained(journal);
    clock.advance(5000);
    await vi.waitFor(() => expect(files('.journal')).toEqual([]), { timeout: 5000 });
    expect(journal.status()).toMatchObject({ bytes: 0, segments: 0 });
    await journal.record(aRecord(2));
    await drained(journal);
    expect(lineage.requests).toEqual(['request-1', 'request-2']);
  });

  test('survives a loss of power when it is told to: the file is flushed before the answer', async () => {
    const journal = open({ fsync: true, segmentBytes: 4096 });
    for (const number of range(40)) {
      expect(await journal.record(aRecord(number))).toBe('recorded');
    }
    await drained(journal);
    expect(lineage.requests).toEqual(requests(40));
  });
});

describe('while the Lineage is away', () => {
  test('keeps a bounded number of records in memory, and brings all of them in order when it is back', async () => {
    lineage.away = true;
    const journal = open({ segmentBytes: 100_000 });
    for (const from of range(30).map((step) => step * 100)) {
      await Promise.all(range(100, from).map((number) => journal.record(aRecord(number))));
    }
    clock.advance(7000);
    expect(journal.status()).toMatchObject({ waiting: 3000, oldestAgeMs: 7000, healthy: true });
    expect(journal.status().inMemory).toBeLessThanOrEqual(200);
    expect(journal.status().segments).toBe(30);
    expect(journal.status().lineageProblem).toBe('switched off');
    lineage.away = false;
    await Promise.all(range(100, 3000).map((number) => journal.record(aRecord(number))));
    await drained(journal);
    expect(lineage.requests).toEqual(requests(3100));
    expect(files('.journal').length).toBeLessThanOrEqual(1);
    expect(kinds()).toEqual(['lineage_away', 'lineage_back']);
  });

  test('reads no more from disk at once than one append takes', async () => {
    lineage.away = true;
    const journal = open();
    await Promise.all(range(1600).map((number) => journal.record(aRecord(number))));
    lineage.away = false;
    let most = 0;
    while (journal.waiting() > 0) {
      most = Math.max(most, journal.status().inMemory);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lineage.requests).toEqual(requests(1600));
    expect(most).toBeLessThanOrEqual(500);
  });

  test('answers unavailable at its bound on disk, tells of it once a second, and takes records again when there is room', async () => {
    lineage.away = true;
    const journal = open({ maxBytes: 50_000 });
    const answers = await Promise.all(range(100).map((number) => journal.record(aRecord(number))));
    const taken = answers.filter((answer) => answer === 'recorded').length;
    expect(taken).toBeGreaterThan(10);
    expect(taken).toBeLessThan(40);
    expect(answers.at(-1)).toMatchObject({ kind: 'unavailable' });
    expect(journal.status()).toMatchObject({
      healthy: false,
      waiting: taken,
      refused: 100 - taken,
    });
    expect(events.filter(({ kind }) => kind === 'refused')).toHaveLength(1);
    clock.advance(1000);
    await journal.record(aRecord(101));
    const told = events.filter((event) => event.kind === 'refused');
    expect(told.reduce((sum, event) => sum + event.records, 0)).toBe(101 - taken);
    lineage.away = false;
    await drained(journal);
    clock.advance(2000);
    await vi.waitFor(() => expect(journal.status().healthy).toBe(true), { timeout: 5000 });
    expect(await journal.record(aRecord(102))).toBe('recorded');
    await drained(journal);
    expect(lineage.records).toHaveLength(taken + 1);
  });

  test('told to, it goes on without records that have no room, counts them and tells of them', async () => {
    lineage.away = true;
    const journal = open({ maxBytes: 50_000, onFull: 'drop' });
    const answers = await Promise.all(range(100).map((number) => journal.record(aRecord(number))));
    const dropped = answers.filter((answer) => answer === 'dropped').length;
    expect(dropped).toBeGreaterThan(60);
    expect(answers.filter((answer) => answer === 'recorded')).toHaveLength(100 - dropped);
    expect(journal.status()).toMatchObject({ healthy: false, refused: dropped });
    expect(kinds()).toContain('dropped');
    expect(kinds()).not.toContain('refused');
  });

  test('close leaves on disk what it cannot bring in time, and a new process brings it', async () => {
    await leaveBehind(700);
    expect(lineage.records).toEqual([]);
    const journal = open();
    await drained(journal);
    expect(lineage.requests).toEqual(requests(700));
    expect(events[0]).toMatchObject({ kind: 'adopted', segments: 1 });
    await vi.waitFor(() => expect(files('.journal')).toEqual([]));
  });

  test('close brings what is waiting when it can, and takes nothing afterwards', async () => {
    const journal = open();
    const answers = range(800).map((number) => journal.record(aRecord(number)));
    await journal.close(10_000);
    expect(await Promise.all(answers)).toEqual(range(800).map(() => 'recorded'));
    expect(lineage.requests).toEqual(requests(800));
    expect(files('.journal')).toEqual([]);
    expect(await journal.record(aRecord(1))).toMatchObject({ kind: 'unavailable' });
  });
});

describe('what an earlier process left', () => {
  test('comes first, oldest segment first', async () => {
    lineage.away = true;
    const earlier = open({ segmentBytes: 4096 });
    for (const number of range(60)) await earlier.record(aRecord(number));
    await earlier.close(0);
    lineage.away = false;
    expect(files('.journal').length).toBeGreaterThan(10);
    clock.advance(1000);
    const journal = open();
    await journal.record(aRecord(1000));
    await drained(journal);
    expect(lineage.requests).toEqual([...requests(60), 'request-1000']);
  });

  test('is brought once even when a part of it was in the Lineage already (X3)', async () => {
    await leaveBehind(20);
    await lineage.append(rowsOf(...range(10).map((number) => aRecord(number))));
    await drained(open());
    expect(lineage.requests).toEqual(requests(20));
  });

  test('may end in a line that was being written: it is passed over and told of', async () => {
    await leaveBehind(5);
    const [segment] = files('.journal');
    appendFileSync(join(directory, segment!), '0a1b2c3d {"requestId":"half');
    const journal = open();
    await drained(journal);
    expect(lineage.requests).toEqual(requests(5));
    await vi.waitFor(() => expect(files('.journal')).toEqual([]));
    expect(kinds()).toEqual(['adopted', 'torn']);
    expect(files('.corrupt')).toEqual([]);
  });

  test('keeps a damaged segment for a person, and brings its sound lines', async () => {
    await leaveBehind(5);
    const path = join(directory, files('.journal')[0]!);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"requestId":"request-2"', '"requestId":"request-X"'));
    await drained(open());
    expect(lineage.requests).toEqual(['request-0', 'request-1', 'request-3', 'request-4']);
    await vi.waitFor(() => expect(files('.corrupt')).toHaveLength(1));
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ kind: 'damaged', lines: 1 }));
    expect(files('.journal')).toEqual([]);
  });

  test('is damaged when it is cut off in a segment that was not the last of its process', async () => {
    lineage.away = true;
    const journal = open({ segmentBytes: 1 });
    for (const number of range(3)) await journal.record(aRecord(number));
    await journal.close(0);
    lineage.away = false;
    const path = join(directory, files('.journal')[0]!);
    writeFileSync(path, readFileSync(path).subarray(0, 100));
    await drained(open());
    expect(lineage.requests).toEqual(['request-1', 'request-2']);
    await vi.waitFor(() => expect(files('.corrupt')).toHaveLength(1));
    expect(kinds()).toContain('damaged');
  });

  test('binary rubbish larger than a line does not stop what follows', async () => {
    await leaveBehind(3);
    writeFileSync(
      join(directory, '00000000000000-1-aaaaaa-00000001.journal'),
      Buffer.alloc(3_000_000, 7),
    );
    await drained(open());
    expect(lineage.requests).toEqual(requests(3));
    await vi.waitFor(() => expect(files('.corrupt')).toHaveLength(1));
  });
});

describe('a directory', () => {
  test('belongs to one process: a second is answered with the problem until the first is gone', async () => {
    lineage.away = true;
    const first = open();
    await first.record(aRecord(1));
    const second = open();
    expect(await second.record(aRecord(2))).toMatchObject({ kind: 'unavailable' });
    expect(second.status()).toMatchObject({ healthy: false });
    expect(second.status().problem).toContain('in use by another process');
    expect(first.waiting()).toBe(1);
    lineage.away = false;
    await first.close(5000);
    clock.advance(1000);
    expect(await second.record(aRecord(2))).toBe('recorded');
    await drained(second);
    expect(lineage.requests).toEqual(['request-1', 'request-2']);
  });

  test('that cannot be made is a problem, and no more when it can', async () => {
    writeFileSync(join(directory, '..', 'journal'), 'a file is in the way');
    const journal = open();
    expect(await journal.record(aRecord(1))).toMatchObject({ kind: 'unavailable' });
    expect(journal.status().problem).toContain('EEXIST');
    rmSync(directory);
    clock.advance(1000);
    expect(await journal.record(aRecord(2))).toBe('recorded');
    expect(journal.status()).toMatchObject({ healthy: true, problem: '' });
    await drained(journal);
    expect(lineage.requests).toEqual(['request-2']);
  });

  test('deleted under a running process is made again, and nothing is lost: it still holds the files', async () => {
    lineage.away = true;
    const journal = open();
    await Promise.all(range(10).map((number) => journal.record(aRecord(number))));
    await Promise.all(range(5, 10).map((number) => journal.record(aRecord(number))));
    rmSync(directory, { recursive: true });
    clock.advance(1000);
    expect(await journal.record(aRecord(15))).toBe('recorded');
    expect(files('.journal')).toHaveLength(1);
    lineage.away = false;
    await drained(journal);
    expect(lineage.requests).toEqual([...requests(15), 'request-15']);
    expect(kinds()).not.toContain('lost');
  });

  test('holds nothing that others may read', async () => {
    lineage.away = true;
    await open().record(aRecord(1));
    expect(statSync(directory).mode & 0o077).toBe(0);
    expect(statSync(join(directory, files('.journal')[0]!)).mode & 0o077).toBe(0);
  });
});

describe('a record that the Lineage itself cannot take', () => {
  test('is set aside after some tries, and those behind it go on', async () => {
    const poisoned = aRecord(7);
    lineage.poison.add(poisoned.decision.decisionId);
    const journal = open();
    await Promise.all(range(20).map((number) => journal.record(aRecord(number))));
    await drained(journal);
    expect(lineage.requests).toEqual(requests(20).filter((id) => id !== 'request-7'));
    const [kept] = files('.rejected');
    expect(readFileSync(join(directory, kept!), 'utf8')).toContain('"request-7"');
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'set_aside', decisionId: poisoned.decision.decisionId }),
    );
  });

  test('that is too long for a line is refused before it is written', async () => {
    const journal = open();
    const long = aRecord(1, { configurationRevision: 'x'.repeat(1024 * 1024) });
    expect(await journal.record(long)).toMatchObject({ kind: 'unavailable' });
    expect(await journal.record(aRecord(2))).toBe('recorded');
  });
});
