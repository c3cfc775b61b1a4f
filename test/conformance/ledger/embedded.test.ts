import { describeEverything } from './every-suite.ts';
import { embeddedFixture } from './fixtures.ts';

describeEverything('embedded', embeddedFixture);
