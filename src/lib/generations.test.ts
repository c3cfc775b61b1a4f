import { describe, expect, it } from 'vitest';
import { Generations } from './generations.ts';

describe('a map that forgets by generations', () => {
  it('holds the last keys, at least as many as one generation', () => {
    const map = new Generations<number>(3);
    for (let index = 0; index < 100; index++) {
      map.set(`k${index}`, index);
      for (let age = 0; age < Math.min(3, index + 1); age++) {
        expect(map.get(`k${index - age}`)).toBe(index - age);
      }
    }
  });

  it('holds at most two generations', () => {
    const map = new Generations<number>(3);
    for (let index = 0; index < 100; index++) map.set(`k${index}`, index);
    const held = Array.from({ length: 100 }, (_, index) => map.get(`k${index}`));
    expect(held.filter((value) => value !== undefined).length).toBeLessThanOrEqual(6);
  });

  it('answers the value that was written last', () => {
    const map = new Generations<string>(1);
    map.set('a', 'first');
    map.set('b', 'other');
    map.set('a', 'second');
    expect(map.get('a')).toBe('second');
  });
});
