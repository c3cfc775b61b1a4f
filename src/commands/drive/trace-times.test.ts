import { expect, test } from 'vitest';
import { TraceTimes } from './trace-times.ts';

test.each([
  ['2023-11-16 18:17:03.9799600', Date.UTC(2023, 10, 16, 18, 17, 3, 979)],
  ['2023-11-16T18:17:03', Date.UTC(2023, 10, 16, 18, 17, 3)],
  ['2023-11-16 18:17:03.5', Date.UTC(2023, 10, 16, 18, 17, 3, 500)],
  ['2023-11-16 18:17:60', NaN],
  ['2023-13-16 18:17:03', NaN],
  ['18:17:03', NaN],
  ['', NaN],
])('reads %j, alone and after another of the same minute', (text, expected) => {
  const times = new TraceTimes();
  expect(times.read(text)).toBe(expected);
  times.read('2023-11-16 18:17:59');
  expect(times.read(text)).toBe(expected);
});
