import { AlignedWindow } from './aligned-window.ts';
import type { Algorithm } from './counter.ts';
import type { Meter } from './meter.ts';
import { SlidingWindow } from './sliding-window.ts';
import { TokenBucket } from './token-bucket.ts';

/** An empty window. */
export function openMeter(algorithm: Exclude<Algorithm, 'leases'>, lengthMs: number): Meter {
  switch (algorithm) {
    case 'strict':
      return new SlidingWindow(lengthMs);
    case 'weighted':
      return new AlignedWindow(lengthMs, { weighted: true });
    case 'calendar':
      return new AlignedWindow(lengthMs, { weighted: false });
    case 'token_bucket':
      return new TokenBucket(lengthMs);
  }
}
