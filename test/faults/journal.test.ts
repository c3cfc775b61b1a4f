import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { finishHold } from '../../src/decision/finish.ts';
import type { Lineage } from '../../src/decision/ports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { openEmbedded } from '../../src/stores/embedded/open-embedded.ts';
import type { JournalEvent } from '../../src/stores/journal/journal-event.ts';
import { JournalRecorder } from '../../src/stores/journal/journal-recorder.ts';
import { ScriptedLineage } from '../journal/scripted-lineage.ts';

/** A database starts twice in these tests, in seconds when the machine is busy. */
const TEST_MS = 120_000;

/** Of util-linux, which every Debian has. */
const LIMIT_PROGRAM = 'prlimit';

const PROGRAM = fileURLToPath(import.meta.resolve('../journal/journal-process.ts'));

let root: string;
let directory: string;
let children: ChildProcess[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tollgate-kill-'));
  directory = join(root, 'journal');
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(root, { recursive: true });
});

interface Recording {
  readonly child: ChildProcess;
  readonly answered: number[];
  readonly refused: number[];
  readonly ended: Promise<void>;
}

/** Starts a process that records from `first` on and tells what it was answered. */
function startRecording(first: number, database: string): Recording {
  const child = spawn(process.execPath, [PROGRAM, directory, String(first), database], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const answered: number[] = [];
  const refused: number[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const [, number] = /^(?:refused )?(\d+)$/.exec(line) ?? [];
      (line.startsWith('refused') ? refused : answered).push(Number(number));
    }
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { child, answered, refused, ended };
}

async function killAfter(recording: Recording, records: number): Promise<readonly number[]> {
  await vi.waitFor(() => expect(recording.answered.length).toBeGreaterThan(records), {
    timeout: TEST_MS / 2,
    interval: 1,
  });
  recording.child.kill('SIGKILL');
  await recording.ended;
  return recording.answered;
}

function openJournal(lineage: Pick<Lineage, 'append'>, events: JournalEvent[]): JournalRecorder {
  const report = (event: JournalEvent): number => events.push(event);
  return new JournalRecorder({ directory, lineage, clock: systemClock, report });
}

async function drained(journal: JournalRecorder): Promise<void> {
  await vi.waitFor(() => expect(journal.waiting()).toBe(0), { timeout: TEST_MS / 2 });
  await journal.close(5000);
}

/** Numbers of `wanted` that are not in `found`. */
function missingFrom(found: readonly number[], wanted: readonly number[]): readonly number[] {
  const there = new Set(found);
  return wanted.filter((number) => !there.has(number));
}

const numberOf = (requestId: string): number => Number(requestId.slice('request-'.length));

describe('a process killed with SIGKILL while it records (P31)', () => {
  test(
    'three times over loses no record that was answered, and the next process brings each once, in order',
    { timeout: TEST_MS },
    async () => {
      const answered: number[] = [];
      for (const first of [0, 100_000, 200_000]) {
        answered.push(...(await killAfter(startRecording(first, 'away'), 1500)));
      }
      const lineage = new ScriptedLineage();
      const events: JournalEvent[] = [];
      await drained(openJournal(lineage, events));
      const found = lineage.requests.map(numberOf);
      expect(missingFrom(found, answered)).toEqual([]);
      expect(found).toEqual([...found].sort((a, b) => a - b));
      expect(events.filter(({ kind }) => kind === 'damaged' || kind === 'lost')).toEqual([]);
      expect(readdirSync(directory).filter((name) => name !== 'journal.lock')).toEqual([]);
    },
  );

  test(
    'with its embedded database: every answered record is in the Lineage once after the next start',
    { timeout: TEST_MS },
    async () => {
      const database = join(root, 'database');
      const answered = await killAfter(startRecording(0, database), 3000);
      const stores = await openEmbedded({ directory: database, finishHold });
      await drained(openJournal(stores.lineage, []));
      const found = await everyRequest(stores.lineage);
      await stores.close();
      expect(new Set(found).size).toBe(found.length);
      expect(missingFrom(found, answered)).toEqual([]);
    },
  );
});

async function everyRequest(lineage: Lineage): Promise<readonly number[]> {
  const found: number[] = [];
  let pageToken: string | undefined;
  do {
    const query = { tenant: 'acme', pageSize: 1000, ...(pageToken !== undefined && { pageToken }) };
    const page = await lineage.list(query);
    if ('kind' in page) throw new Error(page.problem);
    found.push(...page.items.map(({ requestId }) => numberOf(requestId)));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return found;
}

describe('a disk that takes no more', () => {
  test(
    'is an answer, not a loss, and recording goes on by itself when there is room again',
    { timeout: TEST_MS },
    async () => {
      const recording = startRecording(0, 'away');
      await vi.waitFor(() => expect(recording.answered.length).toBeGreaterThan(100), {
        timeout: TEST_MS / 2,
      });
      limitFiles(recording.child, '20000');
      await vi.waitFor(() => expect(recording.refused.length).toBeGreaterThan(100), {
        timeout: TEST_MS / 2,
      });
      limitFiles(recording.child, 'unlimited');
      const before = recording.answered.length;
      const answered = await killAfter(recording, before + 500);
      const lineage = new ScriptedLineage();
      const events: JournalEvent[] = [];
      await drained(openJournal(lineage, events));
      const found = lineage.requests.map(numberOf);
      expect(missingFrom(found, answered)).toEqual([]);
      expect(missingFrom(found, recording.refused)).toEqual(recording.refused);
      expect(events.filter(({ kind }) => kind === 'damaged')).toEqual([]);
    },
  );
});

/**
 * The kernel refuses to let a file of that process grow past this: a write comes back short, then
 * with an error.
 */
function limitFiles({ pid }: ChildProcess, bytes: string): void {
  const { status } = spawnSync(LIMIT_PROGRAM, [`--pid=${pid}`, `--fsize=${bytes}:unlimited`]);
  expect(status).toBe(0);
}
