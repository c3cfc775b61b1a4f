import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AgingMap } from './aging-map.ts';

describe('a map that knows its oldest entry', () => {
  it('agrees with a map of the language, whatever is set and deleted', () => {
    const step = fc.record({
      doing: fc.constantFrom('set', 'set', 'set', 'delete', 'drop oldest'),
      key: fc.integer({ min: 0, max: 30 }).map(String),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const aging = new AgingMap<number>();
        const plain = new Map<string, number>();
        for (const [index, { doing, key }] of steps.entries()) {
          const oldest = aging.oldest();
          if (doing === 'set') {
            aging.set(key, index);
            plain.delete(key);
            plain.set(key, index);
          } else {
            const gone = doing === 'delete' ? key : (oldest?.key ?? key);
            aging.delete(gone);
            plain.delete(gone);
          }
          const [first] = plain;
          expect(aging.oldest()).toEqual(
            first && expect.objectContaining({ key: first[0], value: first[1] }),
          );
          expect(aging.size).toBe(plain.size);
          expect(aging.get(key)).toBe(plain.get(key));
        }
      }),
    );
  });

  it('gives up the places of what has gone', () => {
    const aging = new AgingMap<number>();
    for (let index = 0; index < 10_000; index += 1) {
      aging.set(String(index), index);
      if (index >= 100) aging.delete(String(index - 100));
      expect(aging.oldest()?.value).toBe(Math.max(0, index - 99));
    }
    expect(aging.size).toBe(100);
  });
});
