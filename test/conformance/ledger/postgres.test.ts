import { postgresFixture } from './fixtures.ts';
import { describeRepeats } from './repeat-suite.ts';
import { describeLedger } from './suite.ts';
import { describeVerify } from './verify-suite.ts';

describeLedger('postgres', postgresFixture);
describeRepeats('postgres', postgresFixture);
describeVerify('postgres', postgresFixture);
