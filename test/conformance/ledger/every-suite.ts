import { describeAlerts } from './alerts-suite.ts';
import { describeArchive } from './archive-suite.ts';
import { describeCalibration } from './calibration-suite.ts';
import { describeCheckpoints } from './checkpoint-suite.ts';
import type { LedgerFixture } from './fixtures.ts';
import { describeRepeats } from './repeat-suite.ts';
import { describeRollover } from './rollover-suite.ts';
import { describeLedger } from './suite.ts';
import { describeUsage } from './usage-suite.ts';
import { describeVerify } from './verify-suite.ts';

/** The whole contract of the money store, on one adapter. */
export function describeEverything(name: string, open: () => Promise<LedgerFixture>): void {
  describeLedger(name, open);
  describeRollover(name, open);
  describeAlerts(name, open);
  describeRepeats(name, open);
  describeArchive(name, open);
  describeUsage(name, open);
  describeCalibration(name, open);
  describeVerify(name, open);
  describeCheckpoints(name, open);
}
