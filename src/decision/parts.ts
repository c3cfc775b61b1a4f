import type { Clock } from '../lib/clock.ts';
import type { GrantTokens } from './grant-token.ts';
import type { DecisionObserver } from './observer.ts';
import type {
  BudgetLedger,
  CalibrationSource,
  ConfigSource,
  PersonSealer,
  RateLimiter,
  Recorder,
} from './ports.ts';

/** What the pipeline is made of. */
export interface PipelineParts {
  readonly config: ConfigSource;
  readonly limiter: RateLimiter;
  /** Counts in this process alone, for limits that say so, while `limiter` cannot answer. */
  readonly localLimiter: RateLimiter;
  readonly ledger: BudgetLedger;
  readonly recorder: Recorder;
  readonly persons: PersonSealer;
  readonly tokens: GrantTokens;
  readonly observer: DecisionObserver;
  readonly clock: Clock;
  /** Absent means that the price table holds as it is. */
  readonly calibrations?: CalibrationSource;
  /** False when no request is ever repeated, as in a replay: then none is remembered. */
  readonly repeats?: boolean;
}
