import { pgbouncerFixture } from '../ledger/fixtures.ts';
import { describeLineage } from './suite.ts';

describeLineage('postgres through pgbouncer', pgbouncerFixture);
