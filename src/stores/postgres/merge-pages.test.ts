import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inOrder } from './merge-pages.ts';

interface Item {
  readonly time: number;
  readonly from: 'first' | 'second';
}

async function* paged(items: readonly Item[], size: number): AsyncGenerator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
  yield [];
}

const times = fc.array(fc.nat({ max: 30 })).map((all) => all.toSorted((a, b) => a - b));

test('two sequences become one, in order and whole; the first goes first at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(times, times, fc.integer({ min: 1, max: 4 }), async (a, b, size) => {
      const first = a.map((time): Item => ({ time, from: 'first' }));
      const second = b.map((time): Item => ({ time, from: 'second' }));
      const merged: Item[] = [];
      const pages = inOrder(paged(first, size), paged(second, size + 1), ({ time }) => time);
      for await (const page of pages) merged.push(...page);
      const expected = [...first, ...second].toSorted((x, y) => x.time - y.time);
      expect(merged).toEqual(expected);
    }),
  );
});
