import { beforeEach, describe, expect, it } from 'vitest';

import { Epochs } from './epochs.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const MOST_SLOTS = 10_000;
/** The server's clock has nothing to do with that of the process. */
const SERVER_MS = 1_790_000_000_000;

/** An epoch whose counts are whole. */
const whole = (name: string): string => `${name}|0`;
/** An epoch that begins with a loss. */
const lossAt = (name: string, serverMs: number): string => `${name}|${serverMs}`;

describe('epochs', () => {
  let nowMs: number;
  let lost: string[];
  let epochs: Epochs;
  beforeEach(() => {
    nowMs = 5_000;
    lost = [];
    epochs = new Epochs(
      () => nowMs,
      (slot) => lost.push(slot),
    );
  });

  it('X13 knows nothing at first, and no loss', () => {
    expect(epochs.epochOf('a')).toBe('');
    expect(epochs.sinceLossMs('a')).toBe(Infinity);
    expect(epochs.latest(10)).toEqual([]);
  });

  it('X13 learns the epoch of each slot, which is no loss while its counts are whole', () => {
    expect(epochs.learn('a', whole('one'), SERVER_MS)).toBe(false);
    expect(epochs.learn('b', whole('two'), SERVER_MS)).toBe(false);
    expect([epochs.epochOf('a'), epochs.epochOf('b')]).toEqual(['one|0', 'two|0']);
    expect(epochs.sinceLossMs('a')).toBe(Infinity);
    expect(lost).toEqual([]);
  });

  it('X13 tells a loss once, and only of its slot', () => {
    epochs.learn('a', whole('one'), SERVER_MS);
    epochs.learn('b', whole('two'), SERVER_MS);
    const after = lossAt('three', SERVER_MS);
    expect(epochs.learn('a', after, SERVER_MS)).toBe(true);
    expect(epochs.learn('a', after, SERVER_MS + 1)).toBe(false);
    expect(lost).toEqual(['a']);
    expect(epochs.sinceLossMs('a')).toBe(0);
    expect(epochs.sinceLossMs('b')).toBe(Infinity);
  });

  it('X13 a loss grows old by the clock of the process', () => {
    epochs.learn('a', lossAt('one', SERVER_MS), SERVER_MS);
    nowMs += 60_000;
    expect(epochs.sinceLossMs('a')).toBe(60_000);
  });

  it('X13 a loss seen by another process is as old as the server says, never in the future', () => {
    expect(epochs.learn('a', lossAt('one', SERVER_MS - 7_000), SERVER_MS)).toBe(true);
    expect(epochs.sinceLossMs('a')).toBe(7_000);
    epochs.learn('b', lossAt('two', SERVER_MS + 7_000), SERVER_MS);
    expect(epochs.sinceLossMs('b')).toBe(0);
    expect(lost).toEqual(['a', 'b']);
  });

  it('X13 a second loss makes the slot’s counts young again', () => {
    epochs.learn('a', lossAt('one', SERVER_MS), SERVER_MS);
    nowMs += 60_000;
    expect(epochs.learn('a', lossAt('two', SERVER_MS + 60_000), SERVER_MS + 60_000)).toBe(true);
    expect(epochs.sinceLossMs('a')).toBe(0);
    expect(lost).toEqual(['a', 'a']);
  });

  it('X13 a loss that an operator accepts is none any more', () => {
    epochs.learn('a', lossAt('one', SERVER_MS), SERVER_MS);
    expect(epochs.learn('a', 'operator|0|accepted', SERVER_MS)).toBe(false);
    expect(epochs.epochOf('a')).toBe('operator|0|accepted');
    expect(epochs.sinceLossMs('a')).toBe(Infinity);
    expect(lost).toEqual(['a']);
  });

  it('X13 forgets a slot that nobody asked for during a day, and not before', () => {
    epochs.learn('a', whole('one'), SERVER_MS);
    for (let day = 0; day < 3; day += 1) {
      nowMs += DAY_MS - 1;
      expect(epochs.epochOf('a')).toBe('one|0');
    }
    nowMs += DAY_MS;
    expect(epochs.epochOf('a')).toBe('');
    expect(epochs.latest(10)).toEqual([]);
  });

  it('X13 names the slots that were used last', () => {
    for (const slot of ['a', 'b', 'c', 'd']) epochs.learn(slot, whole(slot), SERVER_MS);
    epochs.learn('a', whole('again'), SERVER_MS);
    epochs.epochOf('b');
    expect(epochs.latest(2)).toEqual(['a', 'b']);
    expect(epochs.latest(10)).toEqual(['c', 'd', 'a', 'b']);
  });

  it('X13 keeps no more slots than its bound, and drops those that were used longest ago', () => {
    for (let slot = 0; slot < MOST_SLOTS; slot += 1) {
      epochs.learn(`slot-${slot}`, whole('one'), SERVER_MS);
    }
    epochs.epochOf('slot-0');
    for (const slot of ['x', 'y', 'z']) epochs.learn(slot, whole('one'), SERVER_MS);
    expect(epochs.latest(MOST_SLOTS + 3)).toHaveLength(MOST_SLOTS);
    const kept = ['slot-0', 'slot-1', 'slot-2', 'slot-3', 'slot-4', 'z'];
    expect(kept.map((slot) => epochs.epochOf(slot) !== '')).toEqual([
      ...[true, false, false, false],
      ...[true, true],
    ]);
  });
});
