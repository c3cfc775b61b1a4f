import { describe, expect, it } from 'vitest';

import { Turns } from './turns.ts';

describe('turns of queries', () => {
  it('a few run at once, in order; who finds no room is told', async () => {
    const turns = new Turns(2, 2);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const take = (number: number) =>
      turns.take(async () => {
        started.push(number);
        await new Promise<void>((resolve) => ends.push(resolve));
        return number;
      });
    const [first, second, third, fourth] = [take(1), take(2), take(3), take(4)];
    expect(await take(5)).toMatchObject({ kind: 'overloaded' });
    expect(started).toEqual([1, 2]);
    ends.shift()?.();
    expect(await first).toBe(1);
    expect(started).toEqual([1, 2, 3]);
    ends.shift()?.();
    expect(await second).toBe(2);
    for (const end of ends) end();
    expect(await third).toBe(3);
    ends.at(-1)?.();
    expect(await fourth).toBe(4);
  });

  it('a turn that fails makes room', async () => {
    const turns = new Turns(1, 0);
    await expect(turns.take(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await turns.take(() => Promise.resolve('well'))).toBe('well');
  });
});
