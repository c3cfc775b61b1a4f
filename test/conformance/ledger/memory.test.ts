import { memoryLedgerFixture } from '../../support/memory-ledger.ts';
import { describeRepeats } from './repeat-suite.ts';
import { describeRollover } from './rollover-suite.ts';
import { describeLedger } from './suite.ts';

// What concerns rows is left out: alerts, the archive, usage, verify.
describeLedger('memory', memoryLedgerFixture);
describeRollover('memory', memoryLedgerFixture);
describeRepeats('memory', memoryLedgerFixture);
