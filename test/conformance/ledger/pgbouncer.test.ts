import { describeEverything } from './every-suite.ts';
import { pgbouncerFixture } from './fixtures.ts';

describeEverything('postgres through pgbouncer', pgbouncerFixture);
