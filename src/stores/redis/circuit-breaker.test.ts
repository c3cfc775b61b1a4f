import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CircuitBreaker } from './circuit-breaker.ts';

describe('circuit breaker', () => {
  let answers: boolean;
  let probes: number;
  let stuck: number;
  let said: string[];
  let breaker: CircuitBreaker;
  beforeEach(() => {
    vi.useFakeTimers();
    [answers, probes, stuck, said] = [false, 0, 0, []];
    breaker = new CircuitBreaker({
      probe: () => {
        probes += 1;
        return Promise.resolve(answers);
      },
      onStuck: () => (stuck += 1),
      log: (message) => said.push(message),
    });
  });
  afterEach(() => {
    breaker.dispose();
    vi.useRealTimers();
  });

  const fail = (times: number): void => {
    for (let time = 0; time < times; time += 1) breaker.failed('lost');
  };

  it('opens at the fifth failure in a row, not before, and says it once', () => {
    fail(4);
    breaker.succeeded();
    fail(4);
    expect(breaker.open).toBe(false);
    fail(3);
    expect(breaker.open).toBe(true);
    expect(said).toEqual(['Redis is not asked any more until it answers again: lost']);
  });

  it('X13 closes within a second of the first probe that is answered', async () => {
    fail(5);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(breaker.open).toBe(true);
    answers = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(breaker.open).toBe(false);
    expect(said.at(-1)).toBe('Redis answers again');
  });

  it('does not probe while it is closed, and not again once it is disposed of', async () => {
    await vi.advanceTimersByTimeAsync(2_000);
    breaker.probeNow();
    expect(probes).toBe(0);
    fail(5);
    breaker.dispose();
    fail(5);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(probes).toBe(0);
  });

  it('probes at once when told that something has changed', async () => {
    fail(5);
    answers = true;
    breaker.probeNow();
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.open).toBe(false);
  });

  it('gives a silent connection up after five probes, and keeps probing', async () => {
    fail(5);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stuck).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([stuck, probes]).toEqual([2, 10]);
  });
});
