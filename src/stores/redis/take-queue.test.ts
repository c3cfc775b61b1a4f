import { describe, expect, it } from 'vitest';

import type { TakeOutcome } from '../../decision/ports.ts';
import type { Answer } from './redis-link.ts';
import { TakeQueue } from './take-queue.ts';
import type { TakeQueueOptions } from './take-queue.ts';

/** A script call that was sent, to be answered by the test. */
interface Sent {
  readonly decisions: number;
  readonly answer: (answer: Answer) => void;
}

const TAKEN = Buffer.from([1, 1, 0, 0, 0, 0, 0, 0, 0]);

function takenAnswer({ decisions }: Sent): Answer {
  return { kind: 'reply', value: Array.from({ length: decisions }, () => [0, TAKEN]).flat() };
}

function open(change: Partial<TakeQueueOptions> = {}) {
  const sent: Sent[] = [];
  const lost: string[] = [];
  const queue = new TakeQueue({
    deadlineMs: 60,
    maxBatch: 4,
    maxWaiting: 100,
    maxFlights: 2,
    send: (batch) =>
      new Promise((answer) => sent.push({ decisions: batch.keys('e').length - 1, answer })),
    onAnswered: () => undefined,
    onLost: (problem) => lost.push(problem),
    ...change,
  });
  let requests = 0;
  const add = (): Promise<TakeOutcome> => {
    requests += 1;
    const requestId = `r${requests}`;
    return queue.add(
      { tenant: 't', requestId, fingerprint: 'f', callId: '', counters: [] },
      {
        verdictKey: requestId,
        fingerprint: 'f',
        plan: { counters: [], mark: 0 },
        call: undefined,
        slot: '',
        longestMs: 0,
      },
    );
  };
  return { queue, sent, lost, add };
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** So many decisions, each sent before the next one comes. */
async function crowdOf(
  add: () => Promise<TakeOutcome>,
  size: number,
): Promise<Promise<TakeOutcome>[]> {
  const crowd: Promise<TakeOutcome>[] = [];
  for (let one = 0; one < size; one += 4) {
    crowd.push(add(), add(), add(), add());
    await turn();
  }
  return crowd;
}

describe('take queue', () => {
  it('R34 sends what arrives in one turn in one call, and what arrives meanwhile in the next', async () => {
    const { sent, add } = open({ deadlineMs: 10_000 });
    const first = [add(), add(), add()];
    await turn();
    expect(sent.map((call) => call.decisions)).toEqual([3]);
    const later = Array.from({ length: 9 }, add);
    await turn();
    expect(sent.map((call) => call.decisions)).toEqual([3, 4]);
    for (let call = 0; call < 4; call += 1) {
      const flown = sent[call];
      flown?.answer(takenAnswer(flown));
      await turn();
    }
    expect(sent.map((call) => call.decisions)).toEqual([3, 4, 4, 1]);
    const kinds = (await Promise.all([...first, ...later])).map((outcome) => outcome.kind);
    expect(kinds).toEqual(Array.from({ length: 12 }, () => 'taken'));
  });

  it('P28 answers everyone by the deadline when no call is answered, sent or not', async () => {
    const { lost, add } = open();
    const outcomes = await Promise.all(Array.from({ length: 20 }, add));
    for (const outcome of outcomes) {
      expect(outcome).toEqual({
        kind: 'unavailable',
        problem: 'Redis did not answer within 60 ms',
      });
    }
    await expect.poll(() => lost.length).toBeGreaterThanOrEqual(2);
  });

  it('P28 an answer that comes after the deadline changes nothing', async () => {
    const { sent, add } = open();
    const outcome = await add();
    for (const call of sent) call.answer(takenAnswer(call));
    await turn();
    expect(outcome.kind).toBe('unavailable');
  });

  it('turns away at once, as overload, who would wait past the deadline, until calls are fast again', async () => {
    const { sent, add } = open({ deadlineMs: 3_000 });
    const answerAll = async (): Promise<void> => {
      for (const flown of sent.splice(0)) flown.answer(takenAnswer(flown));
      await turn();
    };
    const slow = Array.from({ length: 4 }, add);
    await turn();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await answerAll();
    // At 100 ms or more a decision, at most 24 may wait; the first two calls fly at once.
    const crowd = [...slow, ...(await crowdOf(add, 8)), ...Array.from({ length: 60 }, add)];
    for (let call = 0; call < 10; call += 1) await answerAll();
    const kinds = (await Promise.all(crowd)).map(({ kind }) => kind);
    const overloaded = kinds.filter((kind) => kind === 'overloaded').length;
    expect(overloaded).toBeGreaterThanOrEqual(35);
    expect(kinds.slice(0, 13)).toEqual(Array.from({ length: 13 }, () => 'taken'));
    for (let call = 0; call < 100; call += 1) {
      const one = add();
      await turn();
      await answerAll();
      await one;
    }
    const again = Array.from({ length: 60 }, add);
    for (let call = 0; call < 20; call += 1) await answerAll().then(turn);
    expect((await Promise.all(again)).every(({ kind }) => kind === 'taken')).toBe(true);
  });

  it('a call that cannot be sent is answered at once, with its problem', async () => {
    const { lost, add } = open({
      deadlineMs: 10_000,
      send: () => Promise.resolve({ kind: 'lost', problem: 'gone' }),
    });
    expect(await add()).toEqual({ kind: 'unavailable', problem: 'gone' });
    expect(lost).toEqual(['gone']);
  });
});
