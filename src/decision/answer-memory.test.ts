import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../lib/clock.ts';
import { AnswerMemory } from './answer-memory.ts';

const TEN_MINUTES_MS = 600_000;

describe('X3 answers remembered by request id', () => {
  it('decides two copies on their way at the same time once', async () => {
    const memory = new AnswerMemory<number>(new ManualClock(0));
    const decide = vi.fn(() => Promise.resolve({ answer: 7, final: true }));
    expect(await Promise.all([memory.once('a', 'x', decide), memory.once('a', 'x', decide)])).toEqual([7, 7]);
    expect(decide).toHaveBeenCalledTimes(1);
  });

  it('answers a repeat the same, and another body under the id with a conflict', async () => {
    const memory = new AnswerMemory<number>(new ManualClock(0));
    let next = 0;
    const decide = () => Promise.resolve({ answer: next++, final: true });
    expect(await memory.once('a', 'x', decide)).toBe(0);
    expect(await memory.once('a', 'x', decide)).toBe(0);
    expect(await memory.once('a', 'y', decide)).toEqual({ kind: 'conflict' });
    expect(await memory.once('b', 'x', decide)).toBe(1);
  });

  it('decides anew what an outage decided, and what failed', async () => {
    const memory = new AnswerMemory<string>(new ManualClock(0));
    expect(await memory.once('a', 'x', () => Promise.resolve({ answer: 'outage', final: false }))).toBe('outage');
    await expect(memory.once('a', 'x', () => Promise.reject(new Error('defect')))).rejects.toThrow('defect');
    expect(await memory.once('a', 'x', () => Promise.resolve({ answer: 'fine', final: true }))).toBe('fine');
  });

  it('forgets after ten minutes', async () => {
    const clock = new ManualClock(0);
    const memory = new AnswerMemory<number>(clock);
    let next = 0;
    const decide = () => Promise.resolve({ answer: next++, final: true });
    await memory.once('a', 'x', decide);
    clock.advance(TEN_MINUTES_MS - 1);
    expect(await memory.once('a', 'x', decide)).toBe(0);
    clock.advance(1);
    expect(await memory.once('a', 'x', decide)).toBe(1);
  });

  it('stays bounded: the oldest answer makes room', async () => {
    const memory = new AnswerMemory<number>(new ManualClock(0));
    const bound = 16_384;
    for (let index = 0; index <= bound; index++) {
      await memory.once(`k${index}`, 'x', () => Promise.resolve({ answer: index, final: true }));
    }
    const again = () => Promise.resolve({ answer: -1, final: true });
    expect(await memory.once('k1', 'x', again)).toBe(1);
    expect(await memory.once('k0', 'x', again)).toBe(-1);
  });
});
