import { embeddedFixture } from './fixtures.ts';
import { describeRepeats } from './repeat-suite.ts';
import { describeLedger } from './suite.ts';
import { describeVerify } from './verify-suite.ts';

describeLedger('embedded', embeddedFixture);
describeRepeats('embedded', embeddedFixture);
describeVerify('embedded', embeddedFixture);
