import { writeSync } from 'node:fs';
import { systemClock } from '../../src/lib/clock.ts';
import { finishHold } from '../../src/decision/finish.ts';
import type { Lineage } from '../../src/decision/ports.ts';
import { JournalRecorder } from '../../src/stores/journal/journal-recorder.ts';
import { aRecord } from './records.ts';

/**
 * A process that records until it is killed: prints the number of every record that was answered,
 * after the answer. Arguments: journal directory, first number, and the directory of an embedded
 * database or "away".
 */
const [directory = '', first = '0', database = 'away'] = process.argv.slice(2);
const STANDARD_OUTPUT = 1;

/** Records of one turn of the event loop, and turns without waiting for an answer. */
const AT_ONCE = 7;
const IN_FLIGHT = 20;
const MOST_RECORDS = 1_000_000;

async function openLineage(): Promise<Pick<Lineage, 'append'>> {
  if (database === 'away') {
    return { append: async () => ({ kind: 'unavailable', problem: 'away for good' }) };
  }
  const { openEmbedded } = await import('../../src/stores/embedded/open-embedded.ts');
  return (await openEmbedded({ directory: database, finishHold })).lineage;
}

const journal = new JournalRecorder({
  directory,
  lineage: await openLineage(),
  clock: systemClock,
  segmentBytes: 64 * 1024,
  report: () => undefined,
});

async function recordSome(from: number): Promise<void> {
  const numbers = Array.from({ length: AT_ONCE }, (_, index) => from + index);
  await Promise.all(
    numbers.map(async (number) => {
      const answer = await journal.record(aRecord(number));
      writeSync(STANDARD_OUTPUT, answer === 'recorded' ? `${number}\n` : `refused ${number}\n`);
    }),
  );
}

const running: Promise<void>[] = [];
for (let number = Number(first); number < MOST_RECORDS; number += AT_ONCE) {
  running.push(recordSome(number));
  if (running.length >= IN_FLIGHT) await running.shift();
}
