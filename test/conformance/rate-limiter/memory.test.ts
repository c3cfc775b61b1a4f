import { ManualClock } from '../../../src/lib/clock.ts';
import { MemoryRateLimiter } from '../../../src/stores/memory/memory-rate-limiter.ts';
import { START_MS } from './fixture.ts';
import { describeRateLimiter } from './suite.ts';

describeRateLimiter('memory', () => {
  const clock = new ManualClock(START_MS);
  const limiter = new MemoryRateLimiter({ clock });
  return Promise.resolve({ limiter, clock, [Symbol.asyncDispose]: () => limiter.close() });
});
