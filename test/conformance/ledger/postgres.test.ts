import { describeEverything } from './every-suite.ts';
import { postgresFixture } from './fixtures.ts';

describeEverything('postgres', postgresFixture);
