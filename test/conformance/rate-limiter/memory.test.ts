import { ManualClock } from '../../../src/lib/clock.ts';
import { MemoryRateLimiter } from '../../../src/stores/memory/memory-rate-limiter.ts';
import { describeAlgorithms } from './algorithms-suite.ts';
import { START_MS, type RateLimiterFixture } from './fixture.ts';
import { describeRateLimiter } from './suite.ts';
import { describeViolations } from './violations-suite.ts';

function memoryFixture(): Promise<RateLimiterFixture> {
  const clock = new ManualClock(START_MS);
  const limiter = new MemoryRateLimiter({ clock });
  return Promise.resolve({ limiter, clock, [Symbol.asyncDispose]: () => limiter.close() });
}

describeRateLimiter('memory', memoryFixture);
describeAlgorithms('memory', memoryFixture);
describeViolations('memory', memoryFixture);
