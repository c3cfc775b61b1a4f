import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../lib/clock.ts';
import { AnswerMemory, type Moment, type Remembered } from './answer-memory.ts';
import type { Snapshot } from './snapshot.ts';

const TEN_MINUTES_MS = 600_000;
const snapshot = { revision: 'first' } as Snapshot;

function open<T>() {
  const clock = new ManualClock(0);
  const memory = new AnswerMemory<T>(clock);
  const now = (): Moment => ({ snapshot, nowMs: clock.nowMs() });
  const once = (
    key: string,
    body: string,
    decide: (moment: Moment, repeat: boolean) => Promise<Remembered<T>>,
  ) => memory.once(key, body, now, decide);
  return { clock, once };
}

function counting() {
  let next = 0;
  return (): Promise<Remembered<number>> => Promise.resolve({ answer: next++, keep: 'answer' });
}

describe('X3 answers remembered by request id', () => {
  it('decides copies on their way at the same time once', async () => {
    const { once } = open<number>();
    const decide = vi.fn(counting());
    const answers = await Promise.all([once('a', 'x', decide), once('a', 'x', decide)]);
    expect(answers).toEqual([0, 0]);
    expect(decide).toHaveBeenCalledTimes(1);
  });

  it('refuses another body under an id that is being decided', async () => {
    const { once } = open<number>();
    const decide = counting();
    const [first, second] = await Promise.all([once('a', 'x', decide), once('a', 'y', decide)]);
    expect([first, second]).toEqual([0, { kind: 'conflict' }]);
  });

  it('answers a repeat the same, and another body under the id with a conflict', async () => {
    const { once } = open<number>();
    const decide = counting();
    expect(await once('a', 'x', decide)).toBe(0);
    expect(await once('a', 'x', decide)).toBe(0);
    expect(await once('a', 'y', decide)).toEqual({ kind: 'conflict' });
    expect(await once('b', 'x', decide)).toBe(1);
  });

  it('decides anew what an outage decided, and what failed', async () => {
    const { once } = open<string>();
    const outage = await once('a', 'x', () => Promise.resolve({ answer: 'out', keep: 'nothing' }));
    expect(outage).toBe('out');
    await expect(once('a', 'x', () => Promise.reject(new Error('defect')))).rejects.toThrow(
      'defect',
    );
    const fine = await once('a', 'x', () => Promise.resolve({ answer: 'fine', keep: 'answer' }));
    expect(fine).toBe('fine');
  });

  it('asks a decision without stores again by the configuration and the time of the first answer', async () => {
    const { clock, once } = open<string>();
    const decide = ({ nowMs, snapshot: { revision } }: Moment, repeat: boolean) =>
      Promise.resolve<Remembered<string>>({
        answer: `${revision} ${nowMs} ${repeat}`,
        keep: 'moment',
      });
    expect(await once('a', 'x', decide)).toBe('first 0 false');
    clock.advance(1_000);
    expect(await once('a', 'x', decide)).toBe('first 0 true');
    expect(await once('a', 'y', decide)).toEqual({ kind: 'conflict' });
  });

  it('forgets after ten minutes', async () => {
    const { clock, once } = open<number>();
    const decide = counting();
    await once('a', 'x', decide);
    clock.advance(TEN_MINUTES_MS - 1);
    expect(await once('a', 'x', decide)).toBe(0);
    clock.advance(1);
    expect(await once('a', 'x', decide)).toBe(1);
  });

  it('stays bounded and keeps at least the last 8,192 answers', async () => {
    const { once } = open<number>();
    const decide = counting();
    const many = 3 * 8_192;
    for (let index = 0; index < many; index++) await once(`k${index}`, 'x', decide);
    expect(await once(`k${many - 8_192}`, 'x', decide)).toBe(many - 8_192);
    expect(await once('k0', 'x', decide)).toBe(many);
  });
});
